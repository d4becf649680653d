// Keyed digest of plaintext → where it is stored. Only takes plaintext that this device sealed, or opened and hashed
// itself (why: otherwise another device could make this one's files restore to something else).
#pragma once

#include "storage/store/database.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

/// Thread-safe. Entries may outlive their objects: the user checks presence before it uses one.
class DedupIndex {
 public:
  DedupIndex(Database& database, SpaceId space);
  /// Where content with this digest is stored (segment.length and digest filled), if known.
  Result<std::optional<Segment>> find_segment(const Digest& digest) const;
  /// An object of a tree kind with this logical digest, if known.
  Result<std::optional<ObjectRef>> find_object(ObjectKind kind, const Digest& digest) const;
  void add_segment(WriteBatch& batch, const Segment& segment) const;
  void add_object(WriteBatch& batch, ObjectKind kind, const Digest& digest, const ObjectRef& ref) const;
  Result<void> clear();

 private:
  Database& database_;
  SpaceId space_;
};

}  // namespace beffroi::storage
