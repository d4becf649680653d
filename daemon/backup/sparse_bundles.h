// Bundles of which less than half is still used: the next backup rewrites what it needs of them. Kept in the state
// table: the length of each bundle that this station sealed, and the list of sparse ones.
#pragma once

#include <map>
#include <unordered_set>

#include "storage/store/database.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {

/// No more are rewritten in one night.
inline constexpr std::size_t kMaxSparseBundles = 1024;

/// Adds a bundle's length to a batch.
void note_bundle_length(storage::WriteBatch& batch, const storage::ObjectId& bundle, std::size_t length);

/// The list that the last backup left.
Result<std::unordered_set<storage::ObjectId>> load_sparse_bundles(const storage::Database& database);

/// Adds up what a tree uses of each bundle. Not thread-safe.
class BundleUse {
 public:
  void add(const storage::Entry& entry);
  /// Writes the list for the next backup: bundles of known length of which less than half is used.
  Result<void> save(storage::Database& database) const;

 private:
  struct Use {
    std::uint64_t bytes = 0;
    std::uint32_t last_offset = UINT32_MAX;  ///< files with equal content stand close together more often than not
  };
  std::map<storage::ObjectId, Use> bundles_;
};

}  // namespace beffroi::daemon
