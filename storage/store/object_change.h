// One atomic change of the objects of a space: keeps the facts, the list of what may be evicted, and the counters in
// step.
#pragma once

#include "storage/store/object_row.h"

namespace beffroi::storage {

/// Table::state, "usage/" ‖ space: objects u64 ‖ sealed bytes u64 ‖ insertions u64, little-endian.
struct SpaceCounters {
  StoreUsage usage;
  std::uint64_t insertions = 0;
};
Result<SpaceCounters> load_counters(const Database& database, const SpaceId& space);
Bytes counters_key(const SpaceId& space);

Bytes object_key(const SpaceId& space, const ObjectId& id);

/// Not thread-safe. Each object at most once.
class ObjectChange {
 public:
  /// `reserved_bytes`: about the size of the bytes and facts to come.
  ObjectChange(const SpaceId& space, const SpaceCounters& counters, std::size_t reserved_bytes)
      : space_(space), counters_(counters), batch_(reserved_bytes) {}
  std::uint64_t next_insertion() { return ++counters_.insertions; }
  /// `before` is what Table::info holds, `after` what it is to hold; nullopt: nothing.
  void replace(const ObjectId& id, const std::optional<ObjectRow>& before, const std::optional<ObjectRow>& after);
  void put_bytes(const ObjectId& id, ByteView bytes);
  void remove_bytes(const ObjectId& id);
  bool empty() const { return !changed_; }
  /// Writes all of it, buffered, and gives the new counters. `since`: the database's reopenings() when rows and
  /// counters were read.
  Result<SpaceCounters> write(Database& database, std::uint64_t since);

 private:
  void count(const std::optional<ObjectRow>& row, bool add);

  SpaceId space_;
  SpaceCounters counters_;
  WriteBatch batch_;
  bool changed_ = false;
};

}  // namespace beffroi::storage
