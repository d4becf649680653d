#include "storage/merge/brake.h"

#include "storage/merge/version.h"

namespace beffroi::storage {
namespace {

bool is_file(const Entry& entry) { return entry.type == EntryType::file; }

// A file that is a symbolic link or a device now, or the other way round, is gone and new.
void count_pair(const Entry& before, const Entry* after, CycleCounts& counts) {
  const bool stays = after != nullptr && is_file(*after);
  if (!is_file(before)) {
    counts.files_after += stays ? 1 : 0;
    return;
  }
  if (!stays) {
    ++counts.deleted;
    --counts.files_after;
  } else if (!same_content(before, *after)) {
    ++counts.rewritten;
  }
}

bool are_too_many(const CycleCounts& counts) {
  const std::uint64_t touched = counts.deleted + counts.rewritten;
  if (touched > kBrakeFiles) return true;
  return touched >= kBrakeLeastFiles && touched * 100 > counts.files_before * kBrakePercent;
}

}  // namespace

CycleCounts count_cycle(const SideChanges& changes, std::uint64_t files_before) {
  CycleCounts out{.files_before = files_before, .files_after = files_before};
  for (const auto& [path, before] : changes.removed) {
    const auto moved = changes.moved_to.find(path);
    count_pair(before, moved == changes.moved_to.end() ? nullptr : &changes.added.at(moved->second), out);
  }
  for (const auto& [path, edit] : changes.edited) count_pair(edit.before, &edit.after, out);
  for (const auto& [path, entry] : changes.added)
    if (is_file(entry) && !changes.moved_from.contains(path)) ++out.files_after;
  return out;
}

const char* brake_reason_name(BrakeReason reason) {
  static constexpr std::array kNames = {"folder_missing", "other_folder", "emptied", "too_many"};
  static_assert(kNames.size() == static_cast<std::size_t>(BrakeReason::too_many) + 1);
  return kNames.at(static_cast<std::size_t>(reason));
}

std::optional<BrakeReason> judge_cycle(FolderFound found, const CycleCounts& counts) {
  if (found == FolderFound::missing) return BrakeReason::folder_missing;
  if (found == FolderFound::other) return BrakeReason::other_folder;
  if (counts.files_before >= kBrakeEmptiedFiles && counts.files_after == 0) return BrakeReason::emptied;
  if (are_too_many(counts)) return BrakeReason::too_many;
  return std::nullopt;
}

}  // namespace beffroi::storage
