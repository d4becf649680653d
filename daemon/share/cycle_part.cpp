#include "daemon/share/cycle_run.h"

#include "storage/merge/path_parts.h"

namespace beffroi::daemon {
namespace {

using storage::Durability;
using storage::Entry;
using storage::EntryType;
using storage::MergeConflict;
using storage::TreeReader;

std::unexpected<Error> no_such_path(const std::string& path) {
  return fail(ErrorCode::not_found,
              N_("The space has nothing of this name: {}. 'beffroi space files' shows what it has."),
              storage::to_display_path(path).substr(1));
}

std::unexpected<Error> not_in_step() {
  return fail(ErrorCode::wrong_state,
              N_("This folder is not in step yet. Start 'beffroi space sync', then try again."));
}

// How many of these are fetched before that is noted: more and more, or the note, which names all, would cost more
// than the files.
std::size_t count_fetched_next(std::span<const storage::MergeChange> changes, std::uint64_t fetched) {
  const std::uint64_t most = std::max<std::uint64_t>(kFetchedTogether, fetched / 4);
  std::size_t count = 0;
  for (std::uint64_t bytes = 0; count < changes.size() && count < most && bytes < kFetchedBytesTogether; ++count)
    bytes += changes[count].after->size;
  return count;
}

}  // namespace

Result<PartChange> FolderCycle::Run::fetch(const std::set<std::string>& paths) {
  BEFFROI_CHECK(prepare_part());
  LocalPaths wider = local_;
  std::map<std::string, storage::MergeChange> todo;
  BEFFROI_CHECK(take_back_deletions(paths, todo));
  for (const std::string& path : paths) {
    wider.set(path, true);
    BEFFROI_TRY(const bool found, for_each_applied(path, [&](const Entry& entry) -> Result<void> {
                  if (!local_.has(entry.path))
                    todo.emplace(entry.path, storage::MergeChange{entry.path, {}, entry, {}});
                  return {};
                }));
    if (!found) return no_such_path(path);
    BEFFROI_CHECK(add_folders_above(path, todo));
  }
  // Until it is a part of the folder it would look new when others delete it.
  local_.unsettled = paths;
  BEFFROI_CHECK(save_local_paths());
  std::vector<storage::MergeChange> changes;
  for (auto& [path, change] : todo) changes.push_back(std::move(change));
  PartChange done;
  std::vector<SkippedFile> reasons;
  for (std::span<const storage::MergeChange> rest(changes); !rest.empty();) {
    const auto some = rest.first(count_fetched_next(rest, done.files));
    rest = rest.subspan(some.size());
    BEFFROI_TRY(ApplyOutcome outcome, cycle_.folder_.apply(opener_, some, progress_));
    done.files += outcome.files_written;
    done.left += outcome.not_applied.size();
    std::ranges::move(outcome.reasons, std::back_inserter(reasons));
    BEFFROI_CHECK(keep_fetched(some, outcome));
  }
  cycle_.note_unwritten(reasons);
  local_ = std::move(wider);
  BEFFROI_CHECK(save_local_paths());
  return done;
}

Result<void> FolderCycle::Run::take_back_deletions(const std::set<std::string>& paths,
                                                   std::map<std::string, storage::MergeChange>& todo) {
  if (!state_.base || cycle_.can_commit()) return {};
  const storage::ObjectId here = *state_.applied;
  BEFFROI_TRY(const storage::SideChanges done, storage::changes_since(opener_, state_.base->tree, here));
  std::set<std::string> deleted;
  for (const auto& [path, entry] : done.removed) {
    const auto holds = [&path](const std::string& asked) { return storage::is_at_or_below(path, asked); };
    if (!done.moved_to.contains(path) && std::ranges::any_of(paths, holds)) deleted.insert(path);
  }
  if (deleted.empty()) return {};
  BEFFROI_TRY(TreeEdits back, missing_of(deleted, state_.base->tree, here));
  BEFFROI_TRY(state_.applied, edited(opener_, sink_, here, std::move(back), state_.base->tree));
  BEFFROI_TRY(const auto changes, changes_between(opener_, here, *state_.applied));
  for (const storage::MergeChange& change : changes) todo.emplace(change.path, change);
  return {};
}

Result<PartChange> FolderCycle::Run::free(const std::set<std::string>& paths) {
  BEFFROI_CHECK(prepare_part());
  if (!state_.base) return not_in_step();
  const TreeReader base(opener_, state_.base->tree);
  std::set<std::string> going;
  std::set<std::string> only_here;
  for (const std::string& path : paths) {
    BEFFROI_TRY(const bool found, for_each_applied(path, [&](const Entry& entry) -> Result<void> {
                  if (entry.type == EntryType::directory || !local_.has(entry.path)) return {};
                  BEFFROI_TRY(const auto known, base.find(entry.path));
                  (known && storage::same_content(*known, entry) ? going : only_here).insert(entry.path);
                  return {};
                }));
    if (!found && !local_.rules().contains(path)) return no_such_path(path);
  }
  for (const std::string& path : paths) local_.set(path, false);
  for (const std::string& path : only_here) local_.set(path, true);
  local_.unsettled = paths;
  BEFFROI_CHECK(save_local_paths());
  BEFFROI_TRY(const std::set<std::string> left, clear_unsettled());
  // In use, or changed since it was looked at: an edit of what was here.
  for (const std::string& path : left)
    if (going.contains(path)) local_.set(path, true);
  local_.unsettled.clear();
  BEFFROI_CHECK(save_local_paths());
  const auto kept = static_cast<std::uint64_t>(
      std::ranges::count_if(going, [&](const std::string& path) { return local_.has(path); }));
  return PartChange{.files = going.size() - kept, .left = only_here.size() + kept};
}

Result<void> FolderCycle::Run::prepare_part() {
  BEFFROI_CHECK(prepare());
  if (cycle_.folder_.look() != storage::FolderFound::same || !has_applied()) return not_in_step();
  BEFFROI_CHECK(clear_unsettled());
  return {};
}

Result<bool> FolderCycle::Run::for_each_applied(const std::string& path,
                                                const std::function<Result<void>(const Entry&)>& visit) const {
  bool found = path.empty();
  BEFFROI_CHECK(TreeReader(opener_, *state_.applied).for_each(path, [&](const Entry& entry) -> Result<void> {
    found = true;
    return entry.path.empty() ? Result<void>() : visit(entry);
  }));
  return found;
}

Result<void> FolderCycle::Run::keep_fetched(std::span<const storage::MergeChange> changes,
                                            const ApplyOutcome& outcome) {
  BEFFROI_CHECK(lacks(outcome));
  BEFFROI_CHECK(sink_.outcome());
  BEFFROI_CHECK(save(Durability::synced));
  std::set<std::string> left;
  for (const auto& change : outcome.not_applied) left.insert(change.path);
  for (const auto& change : changes)
    if (change.after->type != EntryType::directory && !left.contains(change.path)) local_.set(change.path, true);
  return save_local_paths();
}

Result<void> FolderCycle::Run::add_folders_above(const std::string& path,
                                                 std::map<std::string, storage::MergeChange>& todo) const {
  const TreeReader tree(opener_, *state_.applied);
  for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
    if (local_.has(above)) return {};
    BEFFROI_TRY(const auto entry, tree.find(above));
    if (entry) todo.emplace(above, storage::MergeChange{above, {}, entry, {}});
  }
  return {};
}

Result<void> FolderCycle::Run::lacks(const ApplyOutcome& outcome) {
  std::set<std::string> paths;
  TreeEdits edits;
  for (const auto& change : outcome.not_applied) {
    paths.insert(change.path);
    edits.insert_or_assign(change.path, std::nullopt);
  }
  if (paths.empty()) return {};
  cycle_.again_.insert(paths.begin(), paths.end());
  BEFFROI_TRY(state_.applied, edited(opener_, sink_, *state_.applied, std::move(edits), *state_.applied));
  if (state_.base) {
    BEFFROI_TRY(state_.base->tree, held_back(opener_, sink_, empty_, state_.base->tree, paths));
    state_.base->whole = false;
  }
  if (state_.pending) {
    BEFFROI_TRY(state_.pending->base, held_back(opener_, sink_, empty_, state_.pending->base, paths));
    state_.pending->whole = false;
  }
  if (state_.left) {
    BEFFROI_TRY(state_.left->base, held_back(opener_, sink_, empty_, state_.left->base, paths));
  }
  return {};
}

Result<std::set<std::string>> FolderCycle::Run::clear_unsettled() {
  std::set<std::string> left;
  if (local_.unsettled.empty()) return left;
  std::map<std::string, storage::MergeChange> todo;
  if (has_applied() && state_.base) {
    const TreeReader base(opener_, state_.base->tree);
    const auto add = [&](const Entry& entry) -> Result<void> {
      if (local_.has(entry.path) || local_.leads_to(entry.path)) return {};
      BEFFROI_TRY(const auto known, base.find(entry.path));
      if (known && storage::same_content(*known, entry))
        todo.emplace(entry.path, storage::MergeChange{entry.path, entry, {}, {}});
      return {};
    };
    for (const std::string& path : local_.unsettled) {
      BEFFROI_CHECK(for_each_applied(path, add));
      for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
        BEFFROI_TRY(const auto folder, TreeReader(opener_, *state_.applied).find(above));
        if (folder) BEFFROI_CHECK(add(*folder));
      }
    }
  }
  std::vector<storage::MergeChange> changes;
  for (auto& [path, change] : todo) changes.push_back(std::move(change));
  ApplyOutcome outcome;
  if (!changes.empty()) {
    BEFFROI_TRY(outcome, cycle_.folder_.apply(opener_, changes, progress_));
  }
  for (const auto& change : outcome.not_applied)
    if (change.entry && change.entry->type != EntryType::directory) left.insert(change.path);
  local_.unsettled = left;
  BEFFROI_CHECK(save_local_paths());
  return left;
}

Result<void> FolderCycle::Run::follow_moves() {
  if (local_.has_all()) return {};
  const auto rules = local_.rules();
  const bool concerns_us = std::ranges::any_of(
      todo_, [&](const storage::MergeChange& change) { return gives_up_name(change) && rules.contains(change.path); });
  if (!concerns_us) return keep_copies();
  BEFFROI_TRY(const auto moves, storage::changes_since(opener_, disk_, merged_.root.object.id));
  const TreeReader merged(opener_, merged_.root.object.id);
  for (const auto& [path, here] : rules) {
    const auto to = moves.moved_to.find(path);
    if (to == moves.moved_to.end()) continue;
    local_.copy(path, to->second);
    // What stands under the old name now comes, or does not, by this rule.
    BEFFROI_TRY(const auto there, merged.find(path));
    if (!there && !storage::is_at_or_below(to->second, path)) outdated_.insert(path);
  }
  return keep_copies();
}

Result<void> FolderCycle::Run::keep_copies() {
  std::set<std::string> coming;
  for (const storage::MergeChange& change : todo_)
    if (change.after) coming.insert(change.path);
  for (const MergeConflict& conflict : conflicts_)
    if (local_.has(conflict.path) && coming.contains(conflict.copy)) local_.set(conflict.copy, true);
  return {};
}

std::vector<storage::MergeChange> FolderCycle::Run::local_part(std::span<const storage::MergeChange> changes) const {
  std::vector<storage::MergeChange> out;
  const auto is_folder = [](const std::optional<Entry>& entry) { return entry && entry->type == EntryType::directory; };
  for (const storage::MergeChange& change : changes) {
    if (local_.has(change.path) || (local_.leads_to(change.path) && is_folder(change.after))) {
      out.push_back(change);
    } else if (is_folder(change.before) && !is_folder(change.after)) {
      // Empty ones may be left of what was kept once; others stay.
      out.push_back(change);
      out.back().after.reset();
    }
  }
  return out;
}

}  // namespace beffroi::daemon
