// Bytes of objects that go to the disk ahead of their rows, each byte once: they are written unlogged, a flush makes
// them durable, and only then come the rows that make objects of them. (In the log they would be written twice, and
// RocksDB's own answer, unlogged rows and atomic flushes, loses data in 7.8: facebook/rocksdb pull request 11148.)
//
// What a crash leaves in between are bytes without rows. So that they can be found, a logged note of their ids comes
// first: Table::state, "ahead/" ‖ space ‖ be64 number → ids. It is durable before they are, since a log is synced
// before the next one begins (log_order.h), and a memtable is never written out before its log has ended.
#pragma once

#include <map>
#include <mutex>

#include "storage/store/object_row.h"

namespace beffroi::storage {

/// Thread-safe, but for discard().
class ObjectsAhead {
 public:
  /// An object that waits for its row.
  struct Waiting {
    ObjectId id;
    ObjectHeader header;
    std::uint32_t sealed_bytes = 0;
    /// Set when the object has a row already, so that others may change it: then nothing has been written yet.
    std::optional<Bytes> bytes;
  };
  struct Lot {
    std::vector<Waiting> objects;
    std::vector<Bytes> notes;      ///< keys in Table::state
    std::uint64_t reopenings = 0;  ///< of the database, when the bytes were written
  };

  explicit ObjectsAhead(Database& database) : database_(database) {}
  /// Writes the bytes of the objects that have no row. `known`: the rows, in the objects' order.
  Result<void> write(const SpaceId& space, std::span<const IncomingObject> objects,
                     std::span<const std::optional<ObjectRow>> known);
  /// All that was written and not taken yet, its bytes durable, in order. ErrorCode::disk_full when the database was
  /// opened anew since.
  Result<Lot> take_durable(const SpaceId& space);
  /// The rows of a lot have been written.
  Result<void> forget_notes(const Lot& lot);
  /// Removes bytes that were noted and have no row; true when there were any.
  Result<bool> discard(const SpaceId& space, ObjectStore& store);

 private:
  Result<std::uint64_t> next_number(const SpaceId& space);

  Database& database_;
  std::mutex mutex_;
  std::map<SpaceId, Lot> waiting_;
  std::map<SpaceId, std::uint64_t> next_numbers_;
};

}  // namespace beffroi::storage
