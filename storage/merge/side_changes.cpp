#include "storage/merge/side_changes.h"

namespace beffroi::storage {
namespace {

bool is_folder(const Entry& entry) { return entry.type == EntryType::directory; }

Result<void> check_depth(const Entry& entry) {
  if (static_cast<std::size_t>(std::ranges::count(entry.path, '\0')) < kMaxMergeDepth) return {};
  return fail(ErrorCode::limit_exceeded, N_("{} is nested too deeply."), to_display_path(entry.path.substr(0, 200)));
}

Result<void> note(SideChanges& changes, const Entry* before, const Entry* after) {
  BEFFROI_CHECK(check_depth(before != nullptr ? *before : *after));
  if (before != nullptr && after != nullptr && is_folder(*before) == is_folder(*after)) {
    changes.edited.emplace(before->path, SideChanges::Edit{*before, *after});
    return {};
  }
  if (before != nullptr) changes.removed.emplace(before->path, *before);
  if (after != nullptr) changes.added.emplace(after->path, *after);
  return {};
}

}  // namespace

Result<SideChanges> changes_since(const ObjectOpener& opener, ObjectId ancestor, ObjectId side) {
  SideChanges out;
  BEFFROI_CHECK(diff_trees(opener, ancestor, side,
                           [&](Change, const Entry* before, const Entry* after) { return note(out, before, after); }));
  find_moves(out);
  return out;
}

}  // namespace beffroi::storage
