// The last snapshot's entries, read in step with the walk.
#pragma once

#include "daemon/backup/previous_leaves.h"

namespace beffroi::daemon {

/// Where an entry of the last snapshot stands.
struct KnownEntry {
  std::shared_ptr<const KnownLeaf> leaf;
  std::size_t index = 0;
  const storage::Entry& operator*() const { return leaf->entries()[index]; }
  const storage::Entry* operator->() const { return &leaf->entries()[index]; }
};

/// Entries must be asked for in ascending path order. Not thread-safe.
class PreviousTree {
 public:
  /// Without leaves: nothing was there. `passed` is told of each entry that is passed over: it is gone.
  PreviousTree(std::unique_ptr<PreviousLeaves> leaves, std::function<void(const storage::Entry&)> passed);

  /// The entry of this path, if the last snapshot had one, which is left to be taken. What is passed over on the way is
  /// gone.
  Result<std::optional<KnownEntry>> peek(std::string_view path);
  /// The same, and takes it.
  Result<std::optional<KnownEntry>> take(std::string_view path);
  /// True when the last snapshot has something below `path` that was not taken yet.
  Result<bool> has_below(std::string_view path);
  /// Takes all that is below `path`.
  Result<void> take_below(std::string_view path, const std::function<Result<void>(storage::Entry)>& keep);
  /// From now on nothing was there.
  void forget();
  /// Passes over the rest.
  Result<void> finish();

 private:
  Result<const storage::Entry*> next();
  Result<const storage::Entry*> skip_to(std::string_view path, bool behind);

  std::unique_ptr<PreviousLeaves> leaves_;
  std::shared_ptr<const KnownLeaf> leaf_;
  std::size_t index_ = 0;  ///< of the next entry in leaf_
  std::function<void(const storage::Entry&)> passed_;
};

}  // namespace beffroi::daemon
