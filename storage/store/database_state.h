// What Database and WriteBatch hide: shared by the files that implement them.
#pragma once

#include <mutex>

#include "storage/store/database.h"

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
  State(std::string database_folder, const DatabaseOptions& options);
  /// Closes the database. What was buffered is synced, as a courtesy.
  ~State();

  rocksdb::ColumnFamilyHandle* handle(Table table) const { return handles[static_cast<std::size_t>(table)]; }
  /// Error for a failed status.
  [[nodiscard]] std::unexpected<Error> failed(const rocksdb::Status& status) const;
  /// Checks what DB::Open gave, and the format number.
  Result<void> check_tables() const;
  Result<void> check_format();
  /// Brings the database back to work after a failed write. False: not possible now. Needs resume_mutex.
  bool go_on_after(const rocksdb::Status& failure);
  void keep_something_in_memory();
  bool has_room(std::uint64_t bytes) const;

  std::string folder;
  std::unique_ptr<rocksdb::Env> env;
  std::size_t memtable_bytes;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> all_handles;  ///< the default one first
  std::array<rocksdb::ColumnFamilyHandle*, kTableCount> handles{};
  std::mutex resume_mutex;
};

/// The first key behind all keys with this prefix; nullopt when there is none (empty, or all 0xFF).
std::optional<Bytes> after_prefix(ByteView prefix);

}  // namespace beffroi::storage
