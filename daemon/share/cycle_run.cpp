#include "daemon/share/cycle_run.h"

#include <spdlog/spdlog.h>

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

}  // namespace

FolderCycle::Run::Run(FolderCycle& cycle, const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
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

Result<CycleReport> FolderCycle::Run::go(const ScanScope& scope) {
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

Result<std::uint64_t> FolderCycle::Run::bring_back() {
  BEFFROI_CHECK(prepare());
  if (!state_.base)
    return fail(ErrorCode::wrong_state, N_("This folder was never the same as that of others: nothing can be undone."));
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

Result<void> FolderCycle::Run::save_local_paths() {
  if (local_ == stored_local_) return {};
  BEFFROI_CHECK(cycle_.state_.set_local_paths(local_));
  stored_local_ = local_;
  return {};
}

Result<void> FolderCycle::Run::prepare() {
  BEFFROI_TRY(state_, cycle_.state_.folder());
  BEFFROI_TRY(local_, cycle_.state_.local_paths());
  stored_local_ = local_;
  BEFFROI_TRY(own_head_, own_head());
  BEFFROI_TRY(empty_, empty_tree(*keys_, sink_));
  return {};
}

Result<std::optional<CommitId>> FolderCycle::Run::own_head() const {
  BEFFROI_TRY(const auto head, vault_.store().branch_head(vault_.device_id()));
  return head ? std::optional(head->commit) : std::nullopt;
}

Result<ObjectOpener> FolderCycle::Run::opener_of(std::uint32_t generation) const {
  BEFFROI_TRY(auto ring, vault_.keys_for(generation));
  return ObjectOpener(std::move(ring), source_);
}

Result<void> FolderCycle::Run::save(Durability durability) {
  // The trees before the row that names them.
  if (durability == Durability::synced) BEFFROI_CHECK(vault_.objects().sync());
  return cycle_.state_.set_folder(state_, durability);
}

Result<ObjectId> FolderCycle::Run::tree_of(const Snapshot& snapshot) {
  const std::uint32_t generation = snapshot.sealed.content_generation;
  if (generation == keys_->content_keys().generation) return snapshot.commit.clear.root;
  BEFFROI_TRY(const ObjectOpener old_keys, opener_of(generation));
  return under_new_keys(old_keys, snapshot.commit.clear.root, opener_, mine_, sink_);
}

Result<ObjectId> FolderCycle::Run::ancestor_tree(const std::optional<Snapshot>& snapshot) const {
  if (!snapshot || snapshot->sealed.content_generation != keys_->content_keys().generation) return empty_;
  return snapshot->commit.clear.root;
}

Result<void> FolderCycle::Run::read_theirs() {
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

Result<void> FolderCycle::Run::join_head(const Snapshot& head, const ObjectId& tree, std::span<const CommitId> joined) {
  BEFFROI_TRY(const auto shared, cycle_.graph_.common_ancestor(joined, {&head.commit.id, 1}));
  BEFFROI_TRY(const ObjectId ancestor, ancestor_tree(shared));
  const storage::MergeInput input{ancestor, theirs_, tree, author_of(heads_.front()), author_of(head)};
  BEFFROI_TRY(storage::MergedTree merged, storage::merge_trees(opener_, input, sink_));
  BEFFROI_CHECK(sink_.flush());
  theirs_ = merged.root.object.id;
  conflicts_.insert(conflicts_.end(), merged.conflicts.begin(), merged.conflicts.end());
  return {};
}

Result<void> FolderCycle::Run::choose_base() {
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

Result<void> FolderCycle::Run::join() {
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

Result<void> FolderCycle::Run::make_durable() {
  if (!cycle_.unsynced_) return {};
  BEFFROI_CHECK(cycle_.folder_.sync());
  cycle_.unsynced_ = false;
  return {};
}

Result<std::uint64_t> FolderCycle::Run::count_files_between(const ObjectId& before, const ObjectId& after) const {
  std::uint64_t out = 0;
  const auto is_file = [](const Entry* entry) { return entry != nullptr && entry->type != EntryType::directory; };
  BEFFROI_CHECK(storage::diff_trees(opener_, before, after,
                                    [&](storage::Change, const Entry* was, const Entry* is) -> Result<void> {
                                      if (is_file(was) || is_file(is)) ++out;
                                      return {};
                                    }));
  return out;
}

bool FolderCycle::Run::is_refused() const {
  return settings_.refused && settings_.refused->tree == merged_.root.digest && settings_.refused->epoch == epoch_;
}

Result<void> FolderCycle::Run::commit() {
  if (!cycle_.can_commit() || (!differs_ && !several_trees_)) return {};
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

Result<std::set<std::string>> FolderCycle::Run::write_into_folder(std::span<const storage::MergeChange> changes,
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

Result<void> FolderCycle::Run::note_removals(std::span<const storage::MergeChange> changes) {
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

Result<void> FolderCycle::Run::end_removing() {
  return std::exchange(removing_, std::nullopt) ? cycle_.state_.set_removing({}) : Result<void>();
}

Result<void> FolderCycle::Run::write() {
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
    // What others removed or moved was not deleted here, also where its new place could not be written.
    std::set<std::string> removed;
    for (const auto& change : todo_)
      if (gives_up_name(change) && !kept.contains(change.path)) removed.insert(change.path);
    BEFFROI_TRY(state_.pending->base, held_back(opener_, sink_, empty_, state_.pending->base, removed));
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

Result<void> FolderCycle::Run::note_left(std::set<std::string> kept) {
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

Result<void> FolderCycle::Run::note_conflicts() {
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

}  // namespace beffroi::daemon
