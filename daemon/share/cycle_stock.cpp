#include "daemon/share/cycle_run.h"

#include <spdlog/spdlog.h>

#include "storage/merge/path_parts.h"

namespace beffroi::daemon {
namespace {

using storage::Durability;
using storage::Entry;
using storage::EntryType;
using storage::ObjectId;
using storage::ObjectOpener;
using storage::TreeReader;

// More changes than this come from a scan of much, which finds sound trees; a look at single paths may miss a folder
// that was made at the same moment.
constexpr std::size_t kSoundChanges = 2000;

// What trying again does not mend.
bool is_damage(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_found || code == ErrorCode::refused;
}

// Nothing stands there, nor in the place of a folder above.
Result<bool> is_free(const TreeReader& tree, const std::string& path) {
  BEFFROI_TRY(const auto here, tree.find(path));
  if (here) return false;
  for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
    BEFFROI_TRY(const auto folder, tree.find(above));
    if (folder) return folder->type == EntryType::directory;
  }
  return true;
}

}  // namespace

Result<void> FolderCycle::Run::keep_what_is_new(const std::vector<storage::TreeChange>& changes) {
  for (const auto& change : changes)
    if (change.entry && !local_.has(change.path)) local_.set(change.path, true);
  return save_local_paths();
}

Result<void> FolderCycle::Run::leave_what_is_in_the_way(FolderScan& scan) const {
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

Result<void> FolderCycle::Run::take_stock(const ScanScope& asked) {
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
  BEFFROI_TRY(FolderScan scan, cycle_.folder_.scan(sink_, opener_, applied, settings_.rules, local_, scope, progress_));
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

Result<void> FolderCycle::Run::take_changes(const ObjectId& applied, std::vector<storage::TreeChange> changes) {
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

Result<void> FolderCycle::Run::move_to_new_keys() {
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

Result<void> FolderCycle::Run::keep_what_was_not_read(const FolderScan& scan, bool fresh) {
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

Result<void> FolderCycle::Run::put_back(TreeEdits edits) {
  if (edits.empty()) return {};
  BEFFROI_TRY(mine_, edited(opener_, sink_, mine_, std::move(edits), state_.base->tree));
  return {};
}

Result<void> FolderCycle::Run::keep_what_is_not_here() {
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

Result<void> FolderCycle::Run::take_back_removals() {
  BEFFROI_TRY(removing_, cycle_.state_.removing());
  if (!removing_) return {};
  // Under new keys only the base was stored anew.
  const bool same_keys = removing_->content_generation == keys_->content_keys().generation;
  if (!same_keys && !state_.base) return {};
  const ObjectId before = same_keys ? removing_->tree : state_.base->tree;
  auto edits = missing_of(removing_->paths, before, mine_);
  if (edits && edits->empty()) return {};
  if (edits) {
    BEFFROI_TRY(mine_, edited(opener_, sink_, mine_, std::move(*edits), before));
    return {};
  }
  if (!is_damage(edits.error().code)) return forward_error(edits);
  spdlog::warn("what an earlier cycle was removing can't be read: {}", edits.error().message());
  return {};
}

Result<TreeEdits> FolderCycle::Run::missing_of(const std::set<std::string>& paths, const ObjectId& tree,
                                               const ObjectId& here) const {
  const TreeReader mine(opener_, here);
  const TreeReader before(opener_, tree);
  TreeEdits out;
  for (const std::string& path : paths) {
    BEFFROI_TRY(const bool free, is_free(mine, path));
    BEFFROI_TRY(const auto entry, free ? before.find(path) : std::optional<Entry>());
    if (entry) out.insert_or_assign(path, entry);
  }
  return out;
}

Result<void> FolderCycle::Run::take_what_was_left() {
  BEFFROI_CHECK(take_left_tree());
  if (!state_.pending || state_.pending->whole) return {};
  const storage::MergeInput input{state_.pending->base, mine_, state_.pending->root, settings_.author,
                                  settings_.author};
  BEFFROI_TRY(const storage::MergedTree joined, storage::merge_trees(opener_, input, sink_));
  mine_ = joined.root.object.id;
  return sink_.flush();
}

Result<void> FolderCycle::Run::take_left_tree() {
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

}  // namespace beffroi::daemon
