// The entries of the tree that a folder was last brought to, read in step with a walk over the folder.
#pragma once

#include "storage/tree/tree.h"

namespace beffroi::daemon {

/// Not thread-safe. Paths must be asked for in ascending order.
class AppliedEntries {
 public:
  using Gone = std::function<Result<void>(const storage::Entry&)>;
  /// `opener` outlives it. `gone` is told of each entry that is passed over.
  AppliedEntries(const storage::ObjectOpener& opener, storage::ObjectId root, Gone gone)
      : cursor_(opener, root), gone_(std::move(gone)) {}

  /// From now on it is about what is at or below `top`; what comes before is nobody's.
  Result<void> begin(std::string top);
  /// The entry of this path, if there is one, which is then taken. What comes before it is gone.
  Result<std::optional<storage::Entry>> take(std::string_view path);
  /// What is at or below `path` stays.
  Result<void> keep_below(std::string_view path);
  /// What was not taken is gone.
  Result<void> finish();

 private:
  Result<void> read();
  bool is_inside() const { return ahead_ && storage::is_at_or_below(ahead_->path, top_); }

  storage::TreeCursor cursor_;
  const Gone gone_;
  std::string top_;
  std::optional<storage::Entry> ahead_;
  bool at_end_ = false;
};

}  // namespace beffroi::daemon
