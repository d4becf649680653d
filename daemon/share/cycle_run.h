// What one cycle of a synced folder works with, and its steps; their order is what makes it safe: share_state.h. The
// steps are in files of their own: cycle_stock.cpp looks at the folder, cycle_run.cpp joins, commits and writes,
// cycle_brake.cpp stops what nobody may have meant, and cycle_part.cpp keeps a part of the space here.
#pragma once

#include "daemon/share/share_brake.h"
#include "daemon/share/share_cycle.h"
#include "daemon/share/share_trees.h"
#include "daemon/share/synced_folder.h"

namespace beffroi::daemon {

inline bool is_of_folder(storage::BrakeReason reason) {
  return reason == storage::BrakeReason::folder_missing || reason == storage::BrakeReason::other_folder;
}

/// Goes what stood there, or does another kind of thing take its name?
inline bool gives_up_name(const storage::MergeChange& change) {
  return change.before && (!change.after || change.after->type != change.before->type);
}

class FolderCycle::Run {
 public:
  Run(FolderCycle& cycle, const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
      Progress& progress);
  Result<CycleReport> go(const ScanScope& scope);
  Result<PartChange> fetch(const std::set<std::string>& paths);
  Result<PartChange> free(const std::set<std::string>& paths);
  Result<std::uint64_t> bring_back();

 private:
  // The folder: cycle_stock.cpp.
  /// What somebody puts into the folder is kept there: a new file, or a new folder with all that comes into it.
  Result<void> keep_what_is_new(const std::vector<storage::TreeChange>& changes);
  /// Without an earlier tree a scan can't tell what is new from what stands in the place of a file that is not kept
  /// here.
  Result<void> leave_what_is_in_the_way(FolderScan& scan) const;
  /// The folder as a tree.
  Result<void> take_stock(const ScanScope& asked);
  Result<void> take_changes(const storage::ObjectId& applied, std::vector<storage::TreeChange> changes);
  /// Digests of two generations of keys do not compare. Contents of the base that the folder has no more are stored
  /// anew; where that fails, it becomes what of it the folder still has.
  Result<void> move_to_new_keys();
  /// A file that is left out or can't be read now was not deleted. `fresh`: nor was what is in a folder that could not
  /// be finished, of which there is no earlier tree.
  Result<void> keep_what_was_not_read(const FolderScan& scan, bool fresh);
  Result<void> put_back(TreeEdits edits);
  /// A look without an earlier tree can't tell what a rule leaves out, or is not kept here, from what was deleted. As a
  /// scan does it: neither deletes anything, but with a folder that is gone goes what a rule leaves out in it.
  Result<void> keep_what_is_not_here();
  /// What a cycle that was cut off had removed for others was not deleted here.
  Result<void> take_back_removals();
  /// Of these paths what `tree` has, and `here` has not, nor something else in its place.
  Result<TreeEdits> missing_of(const std::set<std::string>& paths, const storage::ObjectId& tree,
                               const storage::ObjectId& here) const;
  /// What was merged before, could not be written and is in no commit that counts: not yet, or not at all.
  Result<void> take_what_was_left();
  Result<void> take_left_tree();

  // Joining, committing, writing: cycle_run.cpp.
  bool has_applied() const { return state_.applied && state_.content_generation == keys_->content_keys().generation; }
  Result<void> save_local_paths();
  Result<void> prepare();
  Result<std::optional<storage::CommitId>> own_head() const;
  Result<storage::ObjectOpener> opener_of(std::uint32_t generation) const;
  Result<void> save(storage::Durability durability);
  /// The tree of a commit under the keys of now.
  Result<storage::ObjectId> tree_of(const Snapshot& snapshot);
  Result<storage::ObjectId> ancestor_tree(const std::optional<Snapshot>& snapshot) const;
  /// All heads joined, in the order of their ids, so that every replica finds the same.
  Result<void> read_theirs();
  Result<void> join_head(const Snapshot& head, const storage::ObjectId& tree,
                         std::span<const storage::CommitId> joined);
  /// The peer may have lost what the base rests on, and what was set aside since nobody else knows.
  Result<void> choose_base();
  Result<void> join();
  /// What a power cut takes out of the folder after others have it, or after the base counts on it, would look as if
  /// it had been deleted here.
  Result<void> make_durable();
  /// Files and links that differ.
  Result<std::uint64_t> count_files_between(const storage::ObjectId& before, const storage::ObjectId& after) const;
  bool is_refused() const;
  bool must_wait() const { return !settings_.may_commit || is_refused(); }
  Result<void> commit();
  /// Brings changes into the folder. Paths where it has something else now.
  Result<std::set<std::string>> write_into_folder(std::span<const storage::MergeChange> changes,
                                                  const storage::ObjectId& target);
  Result<void> note_removals(std::span<const storage::MergeChange> changes);
  Result<void> end_removing();
  Result<void> write();
  /// Only what others don't have: what they have comes again by itself, and would count as made here if they delete it.
  Result<void> note_left(std::set<std::string> kept);
  /// Conflicts stay listed until the copy is gone.
  Result<void> note_conflicts();

  // cycle_brake.cpp.
  Result<void> hold(storage::BrakeReason reason, const storage::CycleCounts& counts);
  /// Does what is passed on delete or rewrite anything? What is only new needs no second look.
  Result<bool> takes_something_away();
  /// True: nothing goes on.
  Result<bool> brake();
  /// Nothing is passed on now, so nothing is judged: what is held stays so, and what somebody has said yes to, too.
  Result<bool> is_held_meanwhile(const std::optional<HeldBack>& before);
  Result<storage::CycleCounts> counts_of_now();

  // A part of the space: cycle_part.cpp.
  Result<void> prepare_part();
  /// What a reader deleted at and below these paths, and nobody else hears of: the folder is meant to have it again.
  /// Not of others: what they delete is passed on, and would come back as something new.
  Result<void> take_back_deletions(const std::set<std::string>& paths,
                                   std::map<std::string, storage::MergeChange>& todo);
  /// What the folder is meant to have at and below a path, but for its top. False: nothing.
  Result<bool> for_each_applied(const std::string& path,
                                const std::function<Result<void>(const storage::Entry&)>& visit) const;
  /// A fetch that is broken off goes on from here.
  Result<void> keep_fetched(std::span<const storage::MergeChange> changes, const ApplyOutcome& outcome);
  Result<void> add_folders_above(const std::string& path, std::map<std::string, storage::MergeChange>& todo) const;
  /// What could not be written is neither in the folder nor behind it: it comes as if others had just made it.
  Result<void> lacks(const ApplyOutcome& outcome);
  /// Removes copies of what is not kept here. Which are left: what is in use, or not as the space has it, may be
  /// somebody's work, and of which version nobody knows.
  Result<std::set<std::string>> clear_unsettled();
  /// A file or folder that others gave another name is kept here, or is not, as before.
  Result<void> follow_moves();
  /// Who keeps a file keeps the version that lost against it.
  Result<void> keep_copies();
  /// Of these changes those that concern the folder.
  std::vector<storage::MergeChange> local_part(std::span<const storage::MergeChange> changes) const;

  FolderCycle& cycle_;
  Vault& vault_;
  const CycleSettings& settings_;
  const std::shared_ptr<storage::ObjectSource> source_;
  Progress& progress_;
  const std::shared_ptr<const storage::KeyRing> keys_;
  const storage::Epoch epoch_;
  const storage::ObjectOpener opener_;
  Presence presence_;
  SpaceGuard guard_;
  StoreSink sink_;
  FolderState state_;
  LocalPaths local_;
  LocalPaths stored_local_;                    ///< as the row has it
  std::set<std::string> outdated_;             ///< rules for what has another name now
  std::optional<storage::CommitId> own_head_;  ///< of this device's branch, as the cycle began
  storage::ObjectId empty_;
  storage::ObjectId disk_;    ///< the folder
  storage::ObjectId mine_;    ///< the same, with what was left of an earlier merge
  storage::ObjectId theirs_;  ///< the space
  storage::ObjectId base_;    ///< what both come from
  std::vector<Snapshot> heads_;
  bool several_trees_ = false;  ///< heads differ, or are of old keys
  storage::MergedTree merged_;
  std::optional<Removing> removing_;        ///< as the row has it
  std::vector<storage::MergeChange> todo_;  ///< from disk_ to merged_
  bool differs_ = false;                    ///< merged from theirs
  bool released_ = false;
  PassedChanges passed_;
  std::vector<storage::MergeConflict> conflicts_;
  CycleReport report_;
};

}  // namespace beffroi::daemon
