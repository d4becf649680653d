#include "daemon/share/share_cycle.h"

#include <spdlog/spdlog.h>

#include "daemon/share/share_brake.h"
#include "daemon/share/share_trees.h"
#include "daemon/share/synced_folder.h"
#include "storage/format/codec.h"
#include "storage/merge/path_parts.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::Durability;
using storage::Entry;
using storage::EntryType;
using storage::MergeConflict;
using storage::ObjectId;
using storage::ObjectOpener;
using storage::TreeReader;

// More changes than this come from a scan of much, which finds sound trees; a look at single paths may miss a folder
// that was made at the same moment.
constexpr std::size_t kSoundChanges = 2000;

storage::ChangeAuthor author_of(const Snapshot& snapshot) {
  if (snapshot.sealed.share) return snapshot.sealed.share->author;
  storage::ChangeAuthor out;
  out.device = snapshot.sealed.host;
  return out;
}

std::vector<CommitId> ids_of(const std::vector<Snapshot>& snapshots) {
  std::vector<CommitId> out;
  for (const Snapshot& snapshot : snapshots) out.push_back(snapshot.commit.id);
  return out;
}

std::set<std::string> paths_of(std::span<const storage::MergeChange> changes) {
  std::set<std::string> out;
  for (const auto& change : changes) out.insert(change.path);
  return out;
}

/// Ends a walk that has found out enough.
std::unexpected<Error> stop_looking() { return fail(ErrorCode::cancelled, "enough"); }

/// Of those that are in the folder. Counts no further than `enough`.
Result<std::uint64_t> files_in(const ObjectOpener& opener, const ObjectId& tree, const LocalPaths& local,
                               std::uint64_t enough) {
  std::uint64_t out = 0;
  bool stopped = false;
  const auto counted = TreeReader(opener, tree).for_each("", [&](const Entry& entry) -> Result<void> {
    if (entry.type == EntryType::file && local.has(entry.path)) ++out;
    if (out < enough) return {};
    stopped = true;
    return stop_looking();
  });
  if (!counted && !stopped) return forward_error(counted);
  return out;
}

/// What trying again does not mend.
bool is_damage(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_found || code == ErrorCode::refused;
}

bool is_of_folder(storage::BrakeReason reason) {
  return reason == storage::BrakeReason::folder_missing || reason == storage::BrakeReason::other_folder;
}

}  // namespace

/// What one cycle works with. The order of its steps is what makes it safe: share_state.h.
class FolderCycle::Run {
 public:
  Run(FolderCycle& cycle, const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
      Progress& progress)
      : cycle_(cycle),
        vault_(cycle.vault_),
        settings_(settings),
        source_(std::move(source)),
        progress_(progress),
        keys_(vault_.keys()),
        epoch_(keys_->current()->epoch()),
        opener_(keys_, source_),
        presence_(vault_.objects(), vault_.space(), epoch_, {}),
        guard_(vault_, settings.limits),
        sink_(vault_, presence_, guard_, progress, [] { return storage::kDefaultCompressionLevel; }) {}

  Result<CycleReport> go(const ScanScope& scope) {
    const auto found = cycle_.folder_.look();
    BEFFROI_CHECK(prepare());
    if (found != storage::FolderFound::same) {
      BEFFROI_CHECK(hold(*storage::judge_cycle(found, {}), {}));
      return std::move(report_);
    }
    BEFFROI_CHECK(clear_unsettled());
    BEFFROI_CHECK(take_stock(scope));
    BEFFROI_CHECK(read_theirs());
    BEFFROI_CHECK(choose_base());
    BEFFROI_CHECK(join());
    BEFFROI_CHECK(follow_moves());
    BEFFROI_TRY(const bool held, brake());
    if (held) return std::move(report_);
    BEFFROI_CHECK(save_local_paths());
    BEFFROI_CHECK(make_durable());
    BEFFROI_CHECK(commit());
    BEFFROI_CHECK(write());
    BEFFROI_CHECK(note_conflicts());
    return std::move(report_);
  }

  Result<PartChange> fetch(const std::set<std::string>& paths) {
    BEFFROI_CHECK(prepare_part());
    LocalPaths wider = local_;
    std::map<std::string, storage::MergeChange> todo;
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

  Result<PartChange> free(const std::set<std::string>& paths) {
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

  Result<std::uint64_t> bring_back() {
    BEFFROI_CHECK(prepare());
    if (!state_.base)
      return fail(ErrorCode::wrong_state,
                  N_("This folder was never the same as that of others: nothing can be undone."));
    BEFFROI_CHECK(take_stock({.everything = true, .paths = {}}));
    BEFFROI_TRY(const storage::SideChanges done, storage::changes_since(opener_, state_.base->tree, mine_));
    TreeEdits back;
    for (const auto& [path, entry] : done.removed)
      if (!done.moved_to.contains(path)) back.insert_or_assign(path, entry);
    for (const auto& [path, edit] : done.edited)
      if (!storage::same_content(edit.before, edit.after)) back.insert_or_assign(path, edit.before);
    BEFFROI_TRY(const ObjectId target, edited(opener_, sink_, mine_, std::move(back), state_.base->tree));
    BEFFROI_TRY(const auto changes, changes_between(opener_, disk_, target));
    BEFFROI_TRY(const std::set<std::string> kept, write_into_folder(changes, target));
    BEFFROI_CHECK(save(Durability::synced));
    BEFFROI_CHECK(end_removing());
    // What is still as somebody made it would be passed on by the next cycle: it stays held.
    if (kept.empty() && cycle_.again_.empty()) return report_.files_written;
    return fail(ErrorCode::partial,
                N_("Files brought back: {}. Others could not be: a program has them open, or the disk is full. Nothing "
                   "is passed on to the others. Close the programs, or make room, and start 'beffroi space undo' "
                   "again."),
                std::to_string(report_.files_written));
  }

 private:
  static std::unexpected<Error> no_such_path(const std::string& path) {
    return fail(ErrorCode::not_found,
                N_("The space has nothing of this name: {}. 'beffroi space files' shows what it has."),
                storage::to_display_path(path).substr(1));
  }

  static std::unexpected<Error> not_in_step() {
    return fail(ErrorCode::wrong_state,
                N_("This folder is not in step yet. Start 'beffroi space sync', then try again."));
  }

  Result<void> prepare_part() {
    BEFFROI_CHECK(prepare());
    if (cycle_.folder_.look() != storage::FolderFound::same || !has_applied()) return not_in_step();
    BEFFROI_CHECK(clear_unsettled());
    return {};
  }

  bool has_applied() const { return state_.applied && state_.content_generation == keys_->content_keys().generation; }

  Result<void> save_local_paths() {
    if (local_ == stored_local_) return {};
    BEFFROI_CHECK(cycle_.state_.set_local_paths(local_));
    stored_local_ = local_;
    return {};
  }

  /// What the folder is meant to have at and below a path, but for its top. False: nothing.
  Result<bool> for_each_applied(const std::string& path, const std::function<Result<void>(const Entry&)>& visit) const {
    bool found = path.empty();
    BEFFROI_CHECK(TreeReader(opener_, *state_.applied).for_each(path, [&](const Entry& entry) -> Result<void> {
      found = true;
      return entry.path.empty() ? Result<void>() : visit(entry);
    }));
    return found;
  }

  /// How many of these are fetched before that is noted: more and more, or the note, which names all, would cost more
  /// than the files.
  static std::size_t count_fetched_next(std::span<const storage::MergeChange> changes, std::uint64_t fetched) {
    const std::uint64_t most = std::max<std::uint64_t>(kFetchedTogether, fetched / 4);
    std::size_t count = 0;
    for (std::uint64_t bytes = 0; count < changes.size() && count < most && bytes < kFetchedBytesTogether; ++count)
      bytes += changes[count].after->size;
    return count;
  }

  /// A fetch that is broken off goes on from here.
  Result<void> keep_fetched(std::span<const storage::MergeChange> changes, const ApplyOutcome& outcome) {
    BEFFROI_CHECK(lacks(outcome));
    BEFFROI_CHECK(sink_.outcome());
    BEFFROI_CHECK(save(Durability::synced));
    std::set<std::string> left;
    for (const auto& change : outcome.not_applied) left.insert(change.path);
    for (const auto& change : changes)
      if (change.after->type != EntryType::directory && !left.contains(change.path)) local_.set(change.path, true);
    return save_local_paths();
  }

  Result<void> add_folders_above(const std::string& path, std::map<std::string, storage::MergeChange>& todo) const {
    const TreeReader tree(opener_, *state_.applied);
    for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
      if (local_.has(above)) return {};
      BEFFROI_TRY(const auto entry, tree.find(above));
      if (entry) todo.emplace(above, storage::MergeChange{above, {}, entry, {}});
    }
    return {};
  }

  /// What could not be written is neither in the folder nor behind it: it comes as if others had just made it.
  Result<void> lacks(const ApplyOutcome& outcome) {
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

  /// Removes copies of what is not kept here. Which are left: what is in use, or not as the space has it, may be
  /// somebody's work, and of which version nobody knows.
  Result<std::set<std::string>> clear_unsettled() {
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

  /// What somebody puts into the folder is kept there: a new file, or a new folder with all that comes into it.
  Result<void> keep_what_is_new(const std::vector<storage::TreeChange>& changes) {
    for (const auto& change : changes)
      if (change.entry && !local_.has(change.path)) local_.set(change.path, true);
    return save_local_paths();
  }

  /// Without an earlier tree a scan can't tell what is new from what stands in the place of a file that is not kept
  /// here.
  Result<void> leave_what_is_in_the_way(FolderScan& scan) const {
    if (!state_.base || local_.has_all()) return {};
    BEFFROI_TRY(const ObjectOpener keys_of_then, opener_of(state_.content_generation));
    const TreeReader base(keys_of_then, state_.base->tree);
    std::vector<storage::TreeChange> changes;
    std::optional<std::string> in_the_way;  // of a file: what is in it would take that one's place
    for (auto& change : scan.changes) {
      if (in_the_way && storage::is_at_or_below(change.path, *in_the_way)) continue;
      const bool may_be = change.entry && !local_.has(change.path);
      BEFFROI_TRY(const auto known, may_be ? base.find(change.path) : std::optional<Entry>());
      if (!known) {
        changes.push_back(std::move(change));
        continue;
      }
      // The folder's own entry comes back with what is not kept here.
      if (known->type == EntryType::directory && change.entry->type == EntryType::directory) continue;
      in_the_way = change.path;
      scan.kept.insert(change.path);
      const Error why = in_the_way_of_another();
      scan.skipped.push_back({change.path, why.text, why.args});
    }
    scan.changes = std::move(changes);
    return {};
  }

  /// A file or folder that others gave another name is kept here, or is not, as before.
  Result<void> follow_moves() {
    if (local_.has_all()) return {};
    const auto rules = local_.rules();
    const bool concerns_us = std::ranges::any_of(
        todo_, [&](const storage::MergeChange& change) { return !change.after && rules.contains(change.path); });
    if (!concerns_us) return keep_copies();
    BEFFROI_TRY(const auto moves, storage::changes_since(opener_, disk_, merged_.root.object.id));
    for (const auto& [path, here] : rules) {
      const auto to = moves.moved_to.find(path);
      if (to == moves.moved_to.end()) continue;
      local_.copy(path, to->second);
      if (!storage::is_at_or_below(to->second, path)) outdated_.insert(path);
    }
    return keep_copies();
  }

  /// Who keeps a file keeps the version that lost against it.
  Result<void> keep_copies() {
    std::set<std::string> coming;
    for (const storage::MergeChange& change : todo_)
      if (change.after) coming.insert(change.path);
    for (const MergeConflict& conflict : conflicts_)
      if (local_.has(conflict.path) && coming.contains(conflict.copy)) local_.set(conflict.copy, true);
    return {};
  }

  /// Of these changes those that concern the folder.
  std::vector<storage::MergeChange> local_part(std::span<const storage::MergeChange> changes) const {
    std::vector<storage::MergeChange> out;
    const auto is_folder = [](const std::optional<Entry>& entry) {
      return entry && entry->type == EntryType::directory;
    };
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

  Result<void> prepare() {
    BEFFROI_TRY(state_, cycle_.state_.folder());
    BEFFROI_TRY(local_, cycle_.state_.local_paths());
    stored_local_ = local_;
    BEFFROI_TRY(own_head_, own_head());
    BEFFROI_TRY(empty_, empty_tree(*keys_, sink_));
    return {};
  }

  Result<std::optional<CommitId>> own_head() const {
    BEFFROI_TRY(const auto head, vault_.store().branch_head(vault_.device_id()));
    return head ? std::optional(head->commit) : std::nullopt;
  }

  Result<ObjectOpener> opener_of(std::uint32_t generation) const {
    BEFFROI_TRY(auto ring, vault_.keys_for(generation));
    return ObjectOpener(std::move(ring), source_);
  }

  Result<void> save(Durability durability) {
    // The trees before the row that names them.
    if (durability == Durability::synced) BEFFROI_CHECK(vault_.objects().sync());
    return cycle_.state_.set_folder(state_, durability);
  }

  /// The folder as a tree.
  Result<void> take_stock(const ScanScope& asked) {
    const std::uint32_t generation = keys_->content_keys().generation;
    const bool new_keys = state_.applied && state_.content_generation != generation;
    const bool fresh = !state_.applied || new_keys;
    ObjectId applied = fresh ? empty_ : *state_.applied;
    if (!fresh && (state_.epoch != epoch_ || cycle_.store_anew_)) {
      BEFFROI_TRY(applied, stored_anew(opener_, sink_, applied));
    }
    ScanScope scope = asked;
    scope.everything = scope.everything || fresh || !cycle_.trusted_;
    scope.paths.insert(cycle_.again_.begin(), cycle_.again_.end());
    BEFFROI_TRY(FolderScan scan,
                cycle_.folder_.scan(sink_, opener_, applied, settings_.rules, local_, scope, progress_));
    BEFFROI_CHECK(sink_.flush());
    if (fresh) BEFFROI_CHECK(leave_what_is_in_the_way(scan));
    for (const std::string& path : scan.parted) local_.set(path, false);
    BEFFROI_CHECK(keep_what_is_new(scan.changes));
    cycle_.unsynced_ = cycle_.unsynced_ || !scan.changes.empty();
    BEFFROI_CHECK(take_changes(applied, std::move(scan.changes)));
    if (new_keys) BEFFROI_CHECK(move_to_new_keys());
    BEFFROI_CHECK(keep_what_was_not_read(scan, fresh));
    if (fresh) BEFFROI_CHECK(keep_what_is_not_here());
    disk_ = mine_;
    BEFFROI_CHECK(take_back_removals());
    BEFFROI_CHECK(take_what_was_left());
    cycle_.note_skipped(scope, scan);
    report_.look_again = !scan.unquiet.empty();
    cycle_.again_ = std::move(scan.unquiet);
    state_.applied = disk_;
    state_.content_generation = generation;
    state_.epoch = epoch_;
    BEFFROI_CHECK(sink_.outcome());
    return save(new_keys ? Durability::synced : Durability::buffered);
  }

  Result<void> take_changes(const ObjectId& applied, std::vector<storage::TreeChange> changes) {
    if (changes.size() > kSoundChanges) {
      BEFFROI_TRY(const storage::TreeRoot root, storage::edit_tree(opener_, applied, changes, sink_));
      mine_ = root.object.id;
      return sink_.flush();
    }
    TreeEdits edits;
    for (auto& change : changes) edits.insert_or_assign(std::move(change.path), std::move(change.entry));
    BEFFROI_TRY(mine_, edited(opener_, sink_, applied, std::move(edits), applied));
    return {};
  }

  /// Digests of two generations of keys do not compare. Contents of the base that the folder has no more are stored
  /// anew; where that fails, it becomes what of it the folder still has.
  Result<void> move_to_new_keys() {
    BEFFROI_TRY(const ObjectOpener old_keys, opener_of(state_.content_generation));
    const auto move = [&](ObjectId& tree) -> Result<void> {
      auto moved = under_new_keys(old_keys, tree, opener_, mine_, sink_);
      if (!moved && is_damage(moved.error().code)) {
        spdlog::warn("the folder is joined from only a part of its last state: {}", moved.error().message());
        moved = unchanged_since(old_keys, tree, opener_, mine_, sink_);
      }
      if (!moved) return forward_error(moved);
      tree = *moved;
      return {};
    };
    if (state_.base) BEFFROI_CHECK(move(state_.base->tree));
    if (!state_.left) return {};
    BEFFROI_CHECK(move(state_.left->root));
    return move(state_.left->base);
  }

  /// A file that is left out or can't be read now was not deleted. `fresh`: nor was what is in a folder that could not
  /// be finished, of which there is no earlier tree.
  Result<void> keep_what_was_not_read(const FolderScan& scan, bool fresh) {
    if (!state_.base) return {};
    std::set<std::string> paths = scan.unquiet;
    paths.insert(scan.kept.begin(), scan.kept.end());
    const TreeReader mine(opener_, mine_);
    TreeEdits edits;
    for (const std::string& path : paths) {
      BEFFROI_TRY(const auto here, mine.find(path));
      if (here && (!fresh || here->type != EntryType::directory)) continue;
      BEFFROI_CHECK(TreeReader(opener_, state_.base->tree).for_each(path, [&](const Entry& entry) -> Result<void> {
        BEFFROI_TRY(const auto known, mine.find(entry.path));
        if (!known) edits.insert_or_assign(entry.path, entry);
        return {};
      }));
    }
    return put_back(std::move(edits));
  }

  Result<void> put_back(TreeEdits edits) {
    if (edits.empty()) return {};
    BEFFROI_TRY(mine_, edited(opener_, sink_, mine_, std::move(edits), state_.base->tree));
    return {};
  }

  /// A look without an earlier tree can't tell what a rule leaves out, or is not kept here, from what was deleted. As a
  /// scan does it: neither deletes anything, but with a folder that is gone goes what a rule leaves out in it.
  Result<void> keep_what_is_not_here() {
    if (!state_.base) return {};
    const TreeReader mine(opener_, mine_);
    TreeEdits edits;
    std::vector<std::string> parted;
    std::optional<std::string> gone;
    BEFFROI_CHECK(TreeReader(opener_, state_.base->tree).for_each("", [&](const Entry& entry) -> Result<void> {
      const bool is_folder = entry.type == EntryType::directory;
      const bool is_elsewhere = !local_.has(entry.path);
      const bool is_ignored = !(gone && storage::is_at_or_below(entry.path, *gone)) &&
                              settings_.rules.ignored_by(entry.path, is_folder) != nullptr;
      if (entry.path.empty() || (!is_folder && !is_elsewhere && !is_ignored)) return {};
      BEFFROI_TRY(const auto here, mine.find(entry.path));
      if (!here && (is_elsewhere || is_ignored)) {
        edits.insert_or_assign(entry.path, entry);
      } else if (is_folder && (!here || here->type != EntryType::directory)) {
        if (local_.is_mixed(entry.path)) parted.push_back(entry.path);
        gone = entry.path;
      }
      return {};
    }));
    for (const std::string& path : parted) local_.set(path, false);
    BEFFROI_CHECK(save_local_paths());
    return put_back(std::move(edits));
  }

  /// What a cycle that was cut off had removed for others was not deleted here.
  Result<void> take_back_removals() {
    BEFFROI_TRY(removing_, cycle_.state_.removing());
    if (!removing_) return {};
    // Under new keys only the base was stored anew.
    const bool same_keys = removing_->content_generation == keys_->content_keys().generation;
    if (!same_keys && !state_.base) return {};
    const ObjectId before = same_keys ? removing_->tree : state_.base->tree;
    auto edits = missing_of(removing_->paths, before);
    if (edits && edits->empty()) return {};
    if (edits) {
      BEFFROI_TRY(mine_, edited(opener_, sink_, mine_, std::move(*edits), before));
      return {};
    }
    if (!is_damage(edits.error().code)) return forward_error(edits);
    spdlog::warn("what an earlier cycle was removing can't be read: {}", edits.error().message());
    return {};
  }

  /// Of these paths what a tree has, and the folder has not.
  Result<TreeEdits> missing_of(const std::set<std::string>& paths, const ObjectId& tree) const {
    const TreeReader mine(opener_, mine_);
    const TreeReader before(opener_, tree);
    TreeEdits out;
    for (const std::string& path : paths) {
      BEFFROI_TRY(const bool free, is_free(mine, path));
      BEFFROI_TRY(const auto entry, free ? before.find(path) : std::optional<Entry>());
      if (entry) out.insert_or_assign(path, entry);
    }
    return out;
  }

  /// Nothing stands there, nor in the place of a folder above.
  static Result<bool> is_free(const TreeReader& tree, const std::string& path) {
    BEFFROI_TRY(const auto here, tree.find(path));
    if (here) return false;
    for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
      BEFFROI_TRY(const auto folder, tree.find(above));
      if (folder) return folder->type == EntryType::directory;
    }
    return true;
  }

  /// What was merged before, could not be written and is in no commit that counts: not yet, or not at all.
  Result<void> take_what_was_left() {
    BEFFROI_CHECK(take_left_tree());
    if (!state_.pending || state_.pending->whole) return {};
    const storage::MergeInput input{state_.pending->base, mine_, state_.pending->root, settings_.author,
                                    settings_.author};
    BEFFROI_TRY(const storage::MergedTree joined, storage::merge_trees(opener_, input, sink_));
    mine_ = joined.root.object.id;
    return sink_.flush();
  }

  Result<void> take_left_tree() {
    if (!state_.left) return {};
    const storage::MergeInput input{state_.left->base, mine_, state_.left->root, settings_.author, settings_.author};
    const auto joined = storage::merge_trees(opener_, input, sink_);
    if (joined) {
      mine_ = joined->root.object.id;
      return sink_.flush();
    }
    if (!is_damage(joined.error().code)) return forward_error(joined);
    spdlog::warn("what was left of an earlier merge can't be read: {}", joined.error().message());
    state_.left.reset();
    return {};
  }

  /// The tree of a commit under the keys of now.
  Result<ObjectId> tree_of(const Snapshot& snapshot) {
    const std::uint32_t generation = snapshot.sealed.content_generation;
    if (generation == keys_->content_keys().generation) return snapshot.commit.clear.root;
    BEFFROI_TRY(const ObjectOpener old_keys, opener_of(generation));
    return under_new_keys(old_keys, snapshot.commit.clear.root, opener_, mine_, sink_);
  }

  Result<ObjectId> ancestor_tree(const std::optional<Snapshot>& snapshot) const {
    if (!snapshot || snapshot->sealed.content_generation != keys_->content_keys().generation) return empty_;
    return snapshot->commit.clear.root;
  }

  /// All heads joined, in the order of their ids, so that every replica finds the same.
  Result<void> read_theirs() {
    BEFFROI_TRY(heads_, cycle_.graph_.heads());
    theirs_ = empty_;
    std::vector<CommitId> joined;
    std::optional<storage::Digest> digest;
    for (const Snapshot& head : heads_) {
      BEFFROI_TRY(const ObjectId tree, tree_of(head));
      if (joined.empty()) {
        theirs_ = tree;
      } else {
        BEFFROI_CHECK(join_head(head, tree, joined));
      }
      // A tree under old keys is to be stored anew by whoever comes first.
      const bool old_keys = head.sealed.content_generation != keys_->content_keys().generation;
      several_trees_ = several_trees_ || old_keys || (digest && *digest != head.sealed.tree_digest);
      digest = head.sealed.tree_digest;
      joined.push_back(head.commit.id);
    }
    return {};
  }

  Result<void> join_head(const Snapshot& head, const ObjectId& tree, std::span<const CommitId> joined) {
    BEFFROI_TRY(const auto shared, cycle_.graph_.common_ancestor(joined, {&head.commit.id, 1}));
    BEFFROI_TRY(const ObjectId ancestor, ancestor_tree(shared));
    const storage::MergeInput input{ancestor, theirs_, tree, author_of(heads_.front()), author_of(head)};
    BEFFROI_TRY(storage::MergedTree merged, storage::merge_trees(opener_, input, sink_));
    BEFFROI_CHECK(sink_.flush());
    theirs_ = merged.root.object.id;
    conflicts_.insert(conflicts_.end(), merged.conflicts.begin(), merged.conflicts.end());
    return {};
  }

  /// The peer may have lost what the base rests on, and what was set aside since nobody else knows.
  Result<void> choose_base() {
    base_ = empty_;
    if (!state_.base) return {};
    const std::vector<CommitId> heads = ids_of(heads_);
    BEFFROI_TRY(const bool stands, cycle_.graph_.are_behind(state_.base->commits, heads));
    if (stands) {
      base_ = state_.base->tree;
      return {};
    }
    spdlog::warn("what the folder was last the same as is not at the peer any more: it is joined from before that");
    if (!state_.base->whole) return {};
    BEFFROI_TRY(const auto shared, cycle_.graph_.common_ancestor(state_.base->commits, heads));
    BEFFROI_TRY(base_, ancestor_tree(shared));
    return {};
  }

  Result<void> join() {
    if (base_ == theirs_) {
      // Nobody else did anything: what is here comes out. A first cycle with very many files keeps none of them in
      // memory.
      BEFFROI_TRY(merged_.root, tree_root(opener_, mine_));
    } else {
      storage::MergeInput input{base_, mine_, theirs_, settings_.author, {}};
      if (!heads_.empty()) input.their_author = author_of(heads_.front());
      BEFFROI_TRY(merged_, storage::merge_trees(opener_, input, sink_));
      BEFFROI_CHECK(sink_.flush());
    }
    conflicts_.insert(conflicts_.end(), merged_.conflicts.begin(), merged_.conflicts.end());
    BEFFROI_TRY(const storage::TreeRoot theirs, tree_root(opener_, theirs_));
    differs_ = theirs.digest != merged_.root.digest;
    if (disk_ == mine_) {
      todo_ = merged_.for_ours;
    } else {
      BEFFROI_TRY(todo_, changes_between(opener_, disk_, merged_.root.object.id));
    }
    return {};
  }

  Result<void> hold(storage::BrakeReason reason, const storage::CycleCounts& counts) {
    BEFFROI_TRY(const auto before, cycle_.state_.held());
    HeldBack held{.reason = reason, .counts = counts, .since = vault_.clock().now(), .released = false};
    if (before && before->reason == reason) held.since = before->since;
    if (!before || before->reason != reason || before->counts != counts || before->released)
      BEFFROI_CHECK(cycle_.state_.set_held(held));
    report_.held = held;
    report_.look_again = true;
    return {};
  }

  /// Does what is passed on delete or rewrite anything? What is only new needs no second look.
  Result<bool> takes_something_away() {
    bool out = false;
    const auto looked =
        storage::diff_trees(opener_, theirs_, merged_.root.object.id,
                            [&](storage::Change change, const Entry*, const Entry*) -> Result<void> {
                              out = change == storage::Change::removed || change == storage::Change::content;
                              return out ? stop_looking() : Result<void>();
                            });
    return looked || out ? Result<bool>(out) : forward_error(looked);
  }

  /// True: nothing goes on.
  Result<bool> brake() {
    BEFFROI_TRY(const auto before, cycle_.state_.held());
    const bool passes_on = can_commit() && differs_;
    if (passes_on && must_wait()) return is_held_meanwhile(before);
    BEFFROI_TRY(const bool takes_away, passes_on ? takes_something_away() : Result<bool>(false));
    if (takes_away) {
      BEFFROI_TRY(const storage::SideChanges changes, storage::changes_since(opener_, theirs_, merged_.root.object.id));
      passed_ = inflicted(changes, vault_.clock().now());
    }
    if (passes_on && !passed_.empty() && !(before && before->released)) {
      BEFFROI_TRY(const storage::CycleCounts counts, counts_of_now());
      const auto reason = storage::judge_cycle(storage::FolderFound::same, counts);
      if (reason) {
        BEFFROI_CHECK(hold(*reason, counts));
        return true;
      }
    }
    released_ = before && before->released;
    if (before) BEFFROI_CHECK(cycle_.state_.set_held(std::nullopt));
    return false;
  }

  /// Nothing is passed on now, so nothing is judged: what is held stays so, and what somebody has said yes to, too.
  Result<bool> is_held_meanwhile(const std::optional<HeldBack>& before) {
    if (before && is_of_folder(before->reason)) {
      BEFFROI_CHECK(cycle_.state_.set_held(std::nullopt));
    } else if (before && !before->released) {
      report_.held = before;
      report_.look_again = true;
    }
    return report_.held.has_value();
  }

  Result<storage::CycleCounts> counts_of_now() {
    BEFFROI_TRY(const PassedChanges lately, cycle_.state_.passed());
    storage::CycleCounts out = count(with_recent(lately, passed_, vault_.clock().now()));
    BEFFROI_TRY(out.files_after, files_in(opener_, mine_, local_, 1));
    const std::uint64_t touched = out.deleted + out.rewritten;
    const bool matters = out.files_after == 0 || touched >= storage::kBrakeLeastFiles;
    // With so many files it is no large part of them: a big folder isn't gone through at every change.
    const std::uint64_t enough =
        matters ? std::max(storage::kBrakeEmptiedFiles, touched * 100 / storage::kBrakePercent + 1) : 1;
    const ObjectId before = state_.base ? base_ : theirs_;
    BEFFROI_TRY(out.files_before, files_in(opener_, before, local_, enough));
    if (storage::judge_cycle(storage::FolderFound::same, out)) {
      BEFFROI_TRY(out.files_before, files_in(opener_, before, local_, UINT64_MAX));  // the status shows it
    }
    return out;
  }

  /// What a power cut takes out of the folder after others have it, or after the base counts on it, would look as if
  /// it had been deleted here.
  Result<void> make_durable() {
    if (!cycle_.unsynced_) return {};
    BEFFROI_CHECK(cycle_.folder_.sync());
    cycle_.unsynced_ = false;
    return {};
  }

  /// Files and links that differ.
  Result<std::uint64_t> count_files_between(const ObjectId& before, const ObjectId& after) const {
    std::uint64_t out = 0;
    const auto is_file = [](const Entry* entry) { return entry != nullptr && entry->type != EntryType::directory; };
    BEFFROI_CHECK(storage::diff_trees(opener_, before, after,
                                      [&](storage::Change, const Entry* was, const Entry* is) -> Result<void> {
                                        if (is_file(was) || is_file(is)) ++out;
                                        return {};
                                      }));
    return out;
  }

  bool is_refused() const {
    return settings_.refused && settings_.refused->tree == merged_.root.digest && settings_.refused->epoch == epoch_;
  }
  bool must_wait() const { return !settings_.may_commit || is_refused(); }

  bool can_commit() const {
    if (!vault_.can_write()) return false;
    const storage::SpaceLog log = vault_.log();
    const storage::DeviceState* const me = log.device(vault_.device_id());
    if (me == nullptr || me->removed) return false;
    return me->role == storage::Role::manager || me->role == storage::Role::writer;
  }

  Result<void> commit() {
    if (!can_commit() || (!differs_ && !several_trees_)) return {};
    report_.refused = is_refused();
    report_.waits = must_wait();
    if (report_.waits) return {};
    BEFFROI_TRY(const auto head, vault_.store().branch_head(vault_.device_id()));
    // Somebody rewound the space meanwhile, say: this commit would continue that one, and undo it.
    if ((head ? std::optional(head->commit) : std::nullopt) != own_head_)
      return fail(ErrorCode::busy, N_("This folder is being brought up to date just now. Try again in a moment."));
    // Until the folder has it, a base may only say what the folder has.
    PendingCommit pending{.sequence = head ? head->sequence + 1 : 1,
                          .root = merged_.root.object.id,
                          .base = merged_.root.object.id,
                          .whole = todo_.empty()};
    BEFFROI_TRY(pending.base, held_back(opener_, sink_, base_, merged_.root.object.id, paths_of(todo_)));
    state_.pending = pending;
    state_.left.reset();  // it is in there
    BEFFROI_CHECK(sink_.outcome());
    BEFFROI_CHECK(save(Durability::synced));
    storage::CommitSealed sealed;
    sealed.statistics.bytes_source = merged_.root.bytes;
    sealed.statistics.objects_added = sink_.objects_added();
    sealed.share =
        storage::ShareNotes{.author = settings_.author, .conflicts = conflicts_, .conflicts_total = conflicts_.size()};
    std::vector<CommitId> parents = ids_of(heads_);
    if (parents.size() >= storage::kMaxParents) parents.resize(storage::kMaxParents - 1);
    BEFFROI_TRY(report_.commit, vault_.commit(merged_.root, std::move(sealed), 0, parents));
    BEFFROI_TRY(report_.files_passed, count_files_between(theirs_, merged_.root.object.id));
    BEFFROI_TRY(PassedChanges lately, cycle_.state_.passed());
    // What somebody has said yes to is not asked about again.
    if (released_) lately.clear();
    return cycle_.state_.set_passed(
        with_recent(std::move(lately), released_ ? PassedChanges{} : passed_, vault_.clock().now()));
  }

  /// Brings changes into the folder. Paths where it has something else now.
  Result<std::set<std::string>> write_into_folder(std::span<const storage::MergeChange> changes,
                                                  const ObjectId& target) {
    std::set<std::string> kept;
    TreeEdits edits;
    ApplyOutcome outcome;
    std::vector<storage::MergeChange> part;
    if (!local_.has_all()) part = local_part(changes);
    const std::span<const storage::MergeChange> here = local_.has_all() ? changes : part;
    BEFFROI_CHECK(note_removals(here));
    if (!here.empty()) {
      BEFFROI_TRY(outcome, cycle_.folder_.apply(opener_, here, progress_));
    }
    report_.files_written = outcome.files_written;
    for (auto& change : outcome.not_applied) {
      kept.insert(change.path);
      edits.insert_or_assign(change.path, std::move(change.entry));
    }
    cycle_.note_unwritten(outcome.reasons);
    BEFFROI_TRY(state_.applied, edited(opener_, sink_, target, std::move(edits), mine_));
    cycle_.again_.insert(kept.begin(), kept.end());
    report_.look_again = report_.look_again || !kept.empty();
    return kept;
  }

  Result<void> note_removals(std::span<const storage::MergeChange> changes) {
    std::set<std::string> paths;
    for (const auto& change : changes)
      if (!change.after) paths.insert(change.path);
    if (paths.empty()) return {};
    // Those of a cycle before that was cut off, too.
    if (removing_) paths.merge(removing_->paths);
    removing_ =
        Removing{.tree = mine_, .content_generation = keys_->content_keys().generation, .paths = std::move(paths)};
    // The tree before the row that names it.
    BEFFROI_CHECK(vault_.objects().sync());
    return cycle_.state_.set_removing(removing_);
  }

  Result<void> end_removing() {
    return std::exchange(removing_, std::nullopt) ? cycle_.state_.set_removing({}) : Result<void>();
  }

  Result<void> write() {
    BEFFROI_TRY(const std::set<std::string> kept, write_into_folder(todo_, merged_.root.object.id));
    if (!heads_.empty()) {
      ShareBase next{.tree = theirs_, .commits = ids_of(heads_), .whole = kept.empty()};
      BEFFROI_TRY(next.tree, held_back(opener_, sink_, base_, theirs_, kept));
      state_.base = std::move(next);
    }
    if (state_.pending) {
      // One that waits since an earlier cycle is in the folder now, but where that has something else.
      const ObjectId before = report_.commit ? base_ : state_.pending->base;
      BEFFROI_TRY(state_.pending->base, held_back(opener_, sink_, before, state_.pending->root, kept));
      state_.pending->whole = kept.empty();
    }
    BEFFROI_CHECK(note_left(kept));
    BEFFROI_CHECK(sink_.outcome());
    BEFFROI_CHECK(save(Durability::synced));
    BEFFROI_CHECK(end_removing());
    const auto is_left = [&](const std::string& path) {
      const auto left = kept.lower_bound(path);
      return left != kept.end() && storage::is_at_or_below(*left, path);
    };
    for (const std::string& path : outdated_)
      if (!is_left(path)) local_.forget(path);
    return save_local_paths();
  }

  /// Only what others don't have: what they have comes again by itself, and would count as made here if they delete it.
  Result<void> note_left(std::set<std::string> kept) {
    state_.left.reset();
    if (report_.commit || kept.empty()) return {};
    BEFFROI_TRY(const auto passed, changes_between(opener_, theirs_, merged_.root.object.id));
    const std::set<std::string> ours = paths_of(passed);
    std::erase_if(kept, [&](const std::string& path) { return !ours.contains(path); });
    if (kept.empty()) return {};
    LeftTree left{.root = merged_.root.object.id, .base = {}};
    BEFFROI_TRY(left.base, held_back(opener_, sink_, base_, left.root, kept));
    state_.left = left;
    return {};
  }

  /// Conflicts stay listed until the copy is gone.
  Result<void> note_conflicts() {
    BEFFROI_TRY(const std::vector<MergeConflict> known, cycle_.state_.conflicts());
    std::vector<MergeConflict> asked = known;
    for (const Snapshot& head : heads_)
      if (head.sealed.share)
        conflicts_.insert(conflicts_.end(), head.sealed.share->conflicts.begin(), head.sealed.share->conflicts.end());
    const auto is_known = [&](const MergeConflict& conflict) {
      return std::ranges::any_of(asked, [&](const auto& each) { return each.copy == conflict.copy; });
    };
    for (const MergeConflict& conflict : conflicts_)
      if (asked.size() < kMaxListedConflicts && !is_known(conflict)) asked.push_back(conflict);
    if (asked.empty()) return {};
    const TreeReader tree(opener_, *state_.applied);
    std::vector<MergeConflict> listed;
    for (const MergeConflict& conflict : asked) {
      BEFFROI_TRY(const auto copy, tree.find(conflict.copy));
      if (copy) listed.push_back(conflict);
    }
    for (const MergeConflict& conflict : listed)
      if (std::ranges::find(known, conflict) == known.end()) ++report_.conflicts;
    return listed == known ? Result<void>() : cycle_.state_.set_conflicts(listed);
  }

  FolderCycle& cycle_;
  Vault& vault_;
  const CycleSettings& settings_;
  const std::shared_ptr<storage::ObjectSource> source_;
  Progress& progress_;
  const std::shared_ptr<const storage::KeyRing> keys_;
  const storage::Epoch epoch_;
  const ObjectOpener opener_;
  Presence presence_;
  SpaceGuard guard_;
  StoreSink sink_;

  FolderState state_;
  LocalPaths local_;
  LocalPaths stored_local_;           ///< as the row has it
  std::set<std::string> outdated_;    ///< rules for what has another name now
  std::optional<CommitId> own_head_;  ///< of this device's branch, as the cycle began
  ObjectId empty_;
  ObjectId disk_;    ///< the folder
  ObjectId mine_;    ///< the same, with what was left of an earlier merge
  ObjectId theirs_;  ///< the space
  ObjectId base_;    ///< what both come from
  std::vector<Snapshot> heads_;
  bool several_trees_ = false;  ///< heads differ, or are of old keys
  storage::MergedTree merged_;
  std::optional<Removing> removing_;        ///< as the row has it
  std::vector<storage::MergeChange> todo_;  ///< from disk_ to merged_
  bool differs_ = false;                    ///< merged from theirs
  bool released_ = false;
  PassedChanges passed_;
  std::vector<MergeConflict> conflicts_;
  CycleReport report_;
};

FolderCycle::FolderCycle(Vault& vault, ShareFolder& folder)
    : vault_(vault), folder_(folder), state_(vault.database()), graph_(vault) {}

Result<void> FolderCycle::settle() {
  BEFFROI_TRY(FolderState state, state_.folder());
  if (!state.pending) return {};
  const PendingCommit pending = *state.pending;
  BEFFROI_TRY(const auto id, vault_.store().branch_commit(vault_.device_id(), pending.sequence));
  const auto snapshot = id ? vault_.snapshot(*id) : std::nullopt;
  const bool is_it = snapshot && !snapshot->aside && snapshot->commit.clear.root == pending.root;
  if (is_it && !snapshot->receipt_counter) return {};
  if (is_it)
    state.base = ShareBase{.tree = pending.base, .commits = {*id}, .whole = pending.whole};
  else if (!pending.whole && !state.left)  // else that one is younger, and has all of it
    state.left = LeftTree{.root = pending.root, .base = pending.base};
  state.pending.reset();
  return state_.set_folder(state, Durability::synced);
}

Result<CycleReport> FolderCycle::run(const ScanScope& scope, const CycleSettings& settings,
                                     std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  BEFFROI_CHECK(settle());
  BEFFROI_TRY(const auto head, vault_.store().branch_head(vault_.device_id()));
  if (head) {
    BEFFROI_TRY(const auto receipt, vault_.store().receipt_of(head->commit));
    const auto snapshot = vault_.snapshot(head->commit);
    const bool may_wait = !settings.may_commit && snapshot && snapshot->commit.clear.epoch == vault_.log().epoch();
    if (!receipt && !may_wait)
      return fail(ErrorCode::wrong_state, N_("What was changed in this folder before has not reached the peer yet."));
  }
  auto report = Run(*this, settings, std::move(source), progress).go(scope);
  // What the folder was read as before it failed, or was held back, need not be all that has changed in it.
  if (report) store_anew_ = false;
  trusted_ = report.has_value() && (!report->held || !is_of_folder(report->held->reason));
  return report;
}

Result<void> FolderCycle::release() {
  BEFFROI_TRY(auto held, state_.held());
  if (!held || is_of_folder(held->reason))
    return fail(ErrorCode::wrong_state, N_("Nothing of this folder is held back that could be passed on."));
  held->released = true;
  return state_.set_held(held);
}

Result<std::uint64_t> FolderCycle::undo(const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
                                        Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  trusted_ = false;
  auto written = Run(*this, settings, std::move(source), progress).bring_back();
  if (written) BEFFROI_CHECK(state_.set_held(std::nullopt));
  return written;
}

Result<PartChange> FolderCycle::change_part(Part change, const std::set<std::string>& paths,
                                            const CycleSettings& settings,
                                            std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  Run run(*this, settings, std::move(source), progress);
  // Where it breaks off, which files are there is found by a look at everything.
  const bool trusted = std::exchange(trusted_, false);
  auto done = (run.*change)(paths);
  if (done) trusted_ = trusted;
  return done;
}

Result<PartChange> FolderCycle::fetch(const std::set<std::string>& paths, const CycleSettings& settings,
                                      std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  return change_part(&Run::fetch, paths, settings, std::move(source), progress);
}

Result<PartChange> FolderCycle::free(const std::set<std::string>& paths, const CycleSettings& settings,
                                     std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  return change_part(&Run::free, paths, settings, std::move(source), progress);
}

void FolderCycle::note_skipped(const ScanScope& scope, const FolderScan& scan) {
  const auto looked_at = [&](const std::string& path) {
    return scope.everything ||
           std::ranges::any_of(scope.paths, [&](const std::string& top) { return storage::is_at_or_below(path, top); });
  };
  const std::lock_guard lock(mutex_);
  std::erase_if(skipped_, [&](const auto& each) { return looked_at(each.first); });
  for (const SkippedFile& file : scan.skipped) skipped_.insert_or_assign(file.path, file);
}

void FolderCycle::note_unwritten(const std::vector<SkippedFile>& files) {
  const std::lock_guard lock(mutex_);
  unwritten_.clear();
  for (const SkippedFile& file : files) unwritten_.insert_or_assign(file.path, file);
}

std::vector<SkippedFile> FolderCycle::skipped() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, SkippedFile> all = skipped_;
  all.insert(unwritten_.begin(), unwritten_.end());
  std::vector<SkippedFile> out;
  for (const auto& [path, file] : all) out.push_back(file);
  return out;
}

}  // namespace beffroi::daemon
