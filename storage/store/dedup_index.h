// Content that is stored already, by its keyed digest: where a piece of a file or an object of a tree is. Bundles have
// numbers here, so that the row of a small file needs not repeat 32 random bytes.
#pragma once

#include <mutex>
#include <unordered_map>

#include "storage/store/database.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

/// What one writer knows of the numbers of bundles, its own writes that still wait included. Belongs to one sequence of
/// batches that are written in order; after a failed write it is thrown away with the rest of the sequence.
using BundleNumbers = std::unordered_map<ObjectId, std::uint32_t>;

/// Thread-safe, but a BundleNumbers is used by one thread at a time. Entries may outlive their objects: the user checks
/// presence before it uses one.
class DedupIndex {
 public:
  DedupIndex(Database& database, SpaceId space);
  /// Where content with this digest is stored (segment.length and digest filled), if known.
  Result<std::optional<Segment>> find_segment(const Digest& digest) const;
  /// An object of a tree kind with this logical digest, if known.
  Result<std::optional<ObjectRef>> find_object(ObjectKind kind, const Digest& digest) const;
  Result<void> add_segment(WriteBatch& batch, const Segment& segment, BundleNumbers& numbers);
  void add_object(WriteBatch& batch, ObjectKind kind, const Digest& digest, const ObjectRef& ref) const;
  Result<void> clear();

 private:
  Result<std::uint32_t> number_of(WriteBatch& batch, const ObjectRef& bundle, BundleNumbers& numbers);
  Result<std::uint32_t> take_number();
  Result<std::optional<ObjectRef>> bundle_with(std::uint32_t number) const;

  Database& database_;
  const SpaceId space_;
  mutable std::mutex mutex_;
  std::optional<std::uint64_t> next_number_;                    ///< once it was looked for
  mutable std::unordered_map<std::uint32_t, ObjectRef> known_;  ///< read from the table lately
};

}  // namespace beffroi::storage
