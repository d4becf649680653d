// The embedded database: RocksDB behind a small interface of tables, batches and cursors. One per daemon, one process
// at a time.
#pragma once

#include <functional>
#include <memory>

#include "storage/format/types.h"

namespace rocksdb {
class Env;
}

namespace beffroi::storage {

/// One column family each; docs/format.md has their layouts. Every key on a peer starts with a space id. The
/// numbers are on disk: a new table goes to the end.
enum class Table : std::uint8_t {
  objects,    ///< space ‖ object id → sealed bytes (in blob files)
  info,       ///< space ‖ object id → facts and children
  dedup,      ///< space ‖ kind ‖ digest → where the plaintext is stored
  files,      ///< file cache of a station
  records,    ///< space ‖ be64 sequence → log record
  commits,    ///< space ‖ commit id → encoded commit
  branches,   ///< space ‖ device ‖ be64 sequence → commit id
  receipts,   ///< space ‖ 0 ‖ be64 counter → encoded receipt; space ‖ 1 ‖ commit id → be64 counter; 2, 3: expiries;
              ///< 4 to 6: declared losses
  leases,     ///< space ‖ 0 ‖ lease id → lease state; space ‖ 1 ‖ lease id ‖ object id → nothing
  state,      ///< named small values: configuration of tenants, sources, alarms…
  evictable,  ///< space ‖ be32 epoch ‖ be64 insertion → object id: receipted chunks and bundles whose bytes are here
};
inline constexpr std::size_t kTableCount = 11;

enum class Durability : std::uint8_t {
  unlogged,  ///< not in the log: lost with the process, unless flush() of its table came after it
  buffered,  ///< survives kill -9 of the process; a power cut may lose it, in order, until the next synced write or
             ///< sync()
  synced,    ///< survives a power cut when the call returns
};

struct KeyValue {
  Bytes key;
  Bytes value;
};

/// Several changes that happen together or not at all, also across tables.
class WriteBatch {
 public:
  /// `reserved_bytes`: about how much it will hold, keys and values, if that is known and large.
  explicit WriteBatch(std::size_t reserved_bytes = 0);
  ~WriteBatch();
  WriteBatch(WriteBatch&&) noexcept;
  WriteBatch& operator=(WriteBatch&&) noexcept;
  void put(Table table, ByteView key, ByteView value);
  void put(Table table, ByteView key, std::span<const ByteView> value_parts);
  void remove(Table table, ByteView key);
  /// Removes all keys with this prefix that are there when the batch is written, and those put earlier in the batch.
  /// The prefix is not empty and not all 0xFF (asserted).
  void remove_prefix(Table table, ByteView prefix);
  std::size_t size_bytes() const;
  void clear();

 private:
  friend class Database;
  struct State;
  std::unique_ptr<State> state_;
};

/// Memory of an open database: cache, memtables, and about 25 MiB (measured while 10 GiB of objects are written).
struct DatabaseOptions {
  std::size_t cache_bytes = 24U * 1024 * 1024;     ///< blocks, filters and indexes
  std::size_t memtable_bytes = 32U * 1024 * 1024;  ///< all tables together
  std::size_t background_threads = 2;
  rocksdb::Env* env = nullptr;  ///< tests: in memory or faulty; not owned
};

/// Thread-safe. Closed by the destructor; never a static object.
class Database {
 public:
  /// Creates the folder (mode 0700, parents included) and the database when missing. ErrorCode::busy when another
  /// process has it open; corrupt when files are damaged; unsupported_version when written by a newer Beffroi (a format
  /// number is kept inside). After a crash or a power cut the newest consistent state comes back: writes in their
  /// order, none torn.
  static Result<std::unique_ptr<Database>> open(const std::string& folder, const DatabaseOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// ErrorCode::corrupt when the value is there but damaged, unless `verified_by_caller`: then it may be other bytes.
  Result<std::optional<Bytes>> get(Table table, ByteView key, bool verified_by_caller = false) const;
  /// One result per key, in order.
  Result<std::vector<std::optional<Bytes>>> get_many(Table table, std::span<const Bytes> keys) const;
  /// The same without copies: calls `take(index, value)` in order for the keys that are there; a value goes with the
  /// call. An error of `take` ends it.
  Result<void> get_many(Table table, std::span<const Bytes> keys,
                        const std::function<Result<void>(std::size_t, ByteView)>& take) const;
  Result<bool> contains(Table table, ByteView key) const;
  /// All of the batch or, on an error, none of it for now. ErrorCode::disk_full loses nothing, and writes succeed again
  /// when there are more than 64 MiB of room: the first one then opens the database anew and fails once more, because
  /// an earlier write that had failed may turn out to be done, and what this batch was made from to be old (see
  /// reopenings()). ErrorCode::io: the disk failed; no write succeeds until the database is opened again. The batch
  /// keeps its contents.
  Result<void> write(WriteBatch& batch, Durability durability);
  /// write(), for a batch that was made from what was read while reopenings() was `since`; busy, and nothing is
  /// written, when the database was opened anew meanwhile.
  Result<void> write_since(std::uint64_t since, WriteBatch& batch, Durability durability);
  /// How often this database was opened anew to get over a full disk. Whoever keeps in memory what is in the tables
  /// reads it again when this has changed.
  std::uint64_t reopenings() const;
  Result<void> put(Table table, ByteView key, ByteView value, Durability durability);
  /// Calls `visit(key, value)` in key order for keys with this prefix, from `start` (a full key) on; false stops.
  /// Reads a consistent snapshot.
  Result<void> scan(Table table, ByteView prefix, ByteView start,
                    const std::function<bool(ByteView, ByteView)>& visit) const;
  Result<void> scan(Table table, ByteView prefix, const std::function<bool(ByteView, ByteView)>& visit) const {
    return scan(table, prefix, prefix, visit);
  }
  /// The first key with this prefix that is not below `start` (a full key), and the last key with this prefix.
  Result<std::optional<KeyValue>> first(Table table, ByteView prefix, ByteView start) const;
  Result<std::optional<KeyValue>> last(Table table, ByteView prefix) const;
  /// Removes all keys with this prefix (a range delete).
  Result<void> remove_prefix(Table table, ByteView prefix, Durability durability);
  /// All earlier writes but the unlogged ones survive a power cut when this returns.
  Result<void> sync();
  /// Writes what memory holds of this table into files: all earlier writes to it, the unlogged ones too, survive a
  /// power cut when this returns, unless reopenings() has changed meanwhile.
  Result<void> flush(Table table);
  /// Writes what only the log and the memory hold into tables, when it is much: the disk gets the log's room back, and
  /// the next start has less to read. What was durable stays so, whatever this returns.
  Result<void> shorten_log();
  /// Reclaims the space of removed values now. Rewrites the indexes, and at most two bytes of values for each byte that
  /// it gives back: up to a third of the values' files may stay garbage. Runs beside writes; needs no lock.
  Result<void> compact();
  /// Sum of the sizes of the folder's files; 0 when they cannot be listed.
  std::uint64_t disk_bytes() const;
  const std::string& folder() const;

 private:
  struct State;
  class Visit;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace beffroi::storage
