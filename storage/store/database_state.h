// What Database and WriteBatch hide: shared by the files that implement them.
#pragma once

#include <atomic>

#include "storage/store/database.h"
#include "storage/store/gate.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace beffroi::storage {

struct WriteBatch::State {
  explicit State(std::size_t reserved_bytes);
  ~State();
  std::unique_ptr<rocksdb::WriteBatch> changes;
};

struct Database::State {
  State(std::string database_folder, const DatabaseOptions& database_options);
  ~State();

  Result<void> open();
  /// What was buffered is synced, as a courtesy.
  void close();
  /// Closes and opens, to get over a full disk: false when somebody goes on using the database, or when it does not
  /// open. Then `closed_by` says why, and the next write tries again. The caller is not inside, or it is false.
  bool reopen();

  rocksdb::ColumnFamilyHandle* handle(Table table) const { return handles[static_cast<std::size_t>(table)]; }
  Result<void> write(WriteBatch& batch, Durability durability, std::optional<std::uint64_t> since);
  Result<void> write_or_get_over(WriteBatch& batch, Durability durability, std::optional<std::uint64_t> since);
  /// After a write that failed: opens anew if that may help and there is room for it.
  bool get_over(const Error& failure);
  /// Error for a failed status.
  [[nodiscard]] std::unexpected<Error> failed(const rocksdb::Status& status) const;
  /// Makes the tables that a new database lacks.
  Result<void> create(const std::vector<rocksdb::ColumnFamilyDescriptor>& missing);
  /// Checks what was opened, and the format number.
  Result<void> check_tables() const;
  Result<void> check_format();
  bool has_room(std::uint64_t bytes) const;

  const std::string folder;
  const DatabaseOptions options;
  const std::unique_ptr<rocksdb::Env> env;
  Gate gate;  ///< whoever uses what follows is inside
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> all_handles;  ///< the default one first
  std::array<rocksdb::ColumnFamilyHandle*, kTableCount> handles{};
  Error closed_by{};  ///< why there is no `db`
  std::atomic<std::uint64_t> reopenings = 0;
};

/// Using the database: it stays open, or closed, as long as this lives.
class Database::Visit {
 public:
  explicit Visit(State& state) : state_(state) { state_.gate.enter(); }
  ~Visit() { state_.gate.leave(); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  bool is_open() const { return state_.db != nullptr; }

 private:
  State& state_;
};

/// The first key behind all keys with this prefix; nullopt when there is none (empty, or all 0xFF).
std::optional<Bytes> after_prefix(ByteView prefix);

}  // namespace beffroi::storage
