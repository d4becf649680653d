#include "daemon/backup/previous_tree.h"

namespace beffroi::daemon {

using storage::Entry;

PreviousTree::PreviousTree(const storage::ObjectOpener& opener, std::optional<storage::ObjectId> root,
                           std::function<void(const Entry&)> passed)
    : passed_(std::move(passed)) {
  if (root) cursor_.emplace(opener, *root);
}

Result<void> PreviousTree::advance() {
  next_.reset();
  if (!cursor_) return {};
  BEFFROI_TRY(next_, cursor_->next());
  return {};
}

/// Passes over what stands before `path`, and with `behind` that entry as well.
Result<void> PreviousTree::skip_to(std::string_view path, bool behind) {
  if (!std::exchange(started_, true)) BEFFROI_CHECK(advance());
  while (next_ && (next_->path < path || (behind && next_->path == path))) {
    passed_(*next_);
    BEFFROI_CHECK(advance());
  }
  return {};
}

Result<const Entry*> PreviousTree::peek(std::string_view path) {
  BEFFROI_CHECK(skip_to(path, false));
  return next_ && next_->path == path ? &*next_ : nullptr;
}

Result<std::optional<Entry>> PreviousTree::take(std::string_view path) {
  BEFFROI_TRY(const Entry* const found, peek(path));
  if (found == nullptr) return std::nullopt;
  std::optional<Entry> out = std::move(next_);
  BEFFROI_CHECK(advance());
  return out;
}

Result<bool> PreviousTree::has_below(std::string_view path) {
  BEFFROI_CHECK(skip_to(path, true));
  return next_ && storage::is_at_or_below(next_->path, path);
}

Result<void> PreviousTree::take_below(std::string_view path, const std::function<Result<void>(Entry)>& keep) {
  BEFFROI_CHECK(skip_to(path, true));
  while (next_ && storage::is_at_or_below(next_->path, path)) {
    BEFFROI_CHECK(keep(std::move(*next_)));
    BEFFROI_CHECK(advance());
  }
  return {};
}

void PreviousTree::forget() {
  cursor_.reset();
  next_.reset();
}

Result<void> PreviousTree::finish() {
  if (!std::exchange(started_, true)) BEFFROI_CHECK(advance());
  while (next_) {
    passed_(*next_);
    BEFFROI_CHECK(advance());
  }
  return {};
}

}  // namespace beffroi::daemon
