// The last snapshot's entries, read in step with the walk.
#pragma once

#include "storage/tree/tree.h"

namespace beffroi::daemon {

/// Entries must be asked for in ascending path order. Not thread-safe.
class PreviousTree {
 public:
  /// Without a root: nothing was there. `passed` is told of each entry that is passed over: it is gone.
  PreviousTree(const storage::ObjectOpener& opener, std::optional<storage::ObjectId> root,
               std::function<void(const storage::Entry&)> passed);

  /// The entry of this path, if the last snapshot had one. What is passed over on the way is gone.
  Result<std::optional<storage::Entry>> take(std::string_view path);
  /// The same, but the entry is left to be taken. Valid until the next call.
  Result<const storage::Entry*> peek(std::string_view path);
  /// True when the last snapshot has something below `path` that was not taken yet.
  Result<bool> has_below(std::string_view path);
  /// Takes all that is below `path`.
  Result<void> take_below(std::string_view path, const std::function<Result<void>(storage::Entry)>& keep);
  /// From now on nothing was there.
  void forget();
  /// Passes over the rest.
  Result<void> finish();

 private:
  Result<void> advance();
  Result<void> skip_to(std::string_view path, bool behind);
  std::optional<storage::TreeCursor> cursor_;
  std::optional<storage::Entry> next_;
  bool started_ = false;
  std::function<void(const storage::Entry&)> passed_;
};

}  // namespace beffroi::daemon
