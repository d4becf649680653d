#include "daemon/backup/previous_tree.h"

namespace beffroi::daemon {

using storage::Entry;

PreviousTree::PreviousTree(std::unique_ptr<PreviousLeaves> leaves, std::function<void(const Entry&)> passed)
    : leaves_(std::move(leaves)), passed_(std::move(passed)) {}

/// The entry that is next to be taken; nullptr at the end.
Result<const Entry*> PreviousTree::next() {
  while (leaves_ && (!leaf_ || index_ == leaf_->entries().size())) {
    leaf_.reset();
    index_ = 0;
    BEFFROI_TRY(const auto leaf, leaves_->next());
    if (leaf)
      leaf_ = *leaf;
    else
      leaves_.reset();
  }
  return leaf_ ? &leaf_->entries()[index_] : nullptr;
}

/// Passes over what stands before `path`, and with `behind` over that entry as well. What is next then.
Result<const Entry*> PreviousTree::skip_to(std::string_view path, bool behind) {
  for (;; ++index_) {
    BEFFROI_TRY(const Entry* const entry, next());
    if (entry == nullptr || entry->path > path || (entry->path == path && !behind)) return entry;
    passed_(*entry);
  }
}

Result<std::optional<KnownEntry>> PreviousTree::peek(std::string_view path) {
  BEFFROI_TRY(const Entry* const entry, skip_to(path, false));
  if (entry == nullptr || entry->path != path) return std::nullopt;
  return KnownEntry{leaf_, index_};
}

Result<std::optional<KnownEntry>> PreviousTree::take(std::string_view path) {
  BEFFROI_TRY(auto found, peek(path));
  if (found) ++index_;
  return found;
}

Result<bool> PreviousTree::has_below(std::string_view path) {
  BEFFROI_TRY(const Entry* const entry, skip_to(path, true));
  return entry != nullptr && storage::is_at_or_below(entry->path, path);
}

Result<void> PreviousTree::take_below(std::string_view path, const std::function<Result<void>(Entry)>& keep) {
  BEFFROI_CHECK(skip_to(path, true));
  for (;;) {
    BEFFROI_TRY(const Entry* const entry, next());
    if (entry == nullptr || !storage::is_at_or_below(entry->path, path)) return {};
    ++index_;
    BEFFROI_CHECK(keep(*entry));
  }
}

void PreviousTree::forget() {
  leaf_.reset();
  leaves_.reset();
}

Result<void> PreviousTree::finish() {
  for (;; ++index_) {
    BEFFROI_TRY(const Entry* const entry, next());
    if (entry == nullptr) return {};
    passed_(*entry);
  }
}

}  // namespace beffroi::daemon
