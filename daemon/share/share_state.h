// What a station remembers of one synced folder between two cycles: rows of the share's own Table::state.
//
// `applied` is the tree that the folder on the disk reflects, as far as it was looked at: what the next scan compares
// with. It is a hint: after a crash everything is scanned, and then it decides nothing but what an unreadable file was.
//
// `base` is the ancestor for joining the folder with what others did. Two things hold of it at all times, or a merge
// would undo somebody's work: the folder has taken in all of it (so what the folder lacks was deleted here), and all
// commits that the peer acknowledged since continue it (so what they lack was deleted there). An older base is right as
// well, and only less fitting. So it moves on last: after the folder was written, durably, and never to a commit of our
// own before the peer acknowledged that one, since it may still be set aside.
//
// `pending` is our own newest commit while it has no receipt, and the base for when it gets it. It is written before
// the commit, and counts only if that very commit is there.
//
// `left` is a merged tree that is in nobody's space, and that the folder has not taken in as a whole: its commit was
// set aside before all of it was written, or it could not be committed at all. What it has more than its base, a
// version that lost, say, and whose copy could not be written, is joined with the folder by the next cycle. It goes
// into the next commit, and is gone with it: what is there beside a pending commit is younger than that.
//
// `removing`: what a cycle takes out of the folder because others did, while it does so. What a crash then leaves
// missing was not deleted here: in a folder that others renamed such a deletion would count.
//
// `local_paths`: which part of the space the folder has. It moves on so that what a crash leaves behind never looks
// like something that was deleted, or made, by people: what is to come is written first, what is to go is given up
// first.
//
// The trees are kept from collections by rows of their own: kKeptRootPrefix.
#pragma once

#include <map>

#include "daemon/share/local_paths.h"
#include "daemon/vault/vault.h"
#include "storage/merge/brake.h"
#include "storage/merge/placement.h"

namespace beffroi::daemon {

struct ShareBase {
  storage::ObjectId tree;
  std::vector<storage::CommitId> commits;  ///< those that it is behind of, ascending
  bool whole = true;                       ///< false: it lacks what could not be written into the folder
};

struct PendingCommit {
  std::uint64_t sequence = 0;
  storage::ObjectId root;
  storage::ObjectId base;
  bool whole = true;
};

struct LeftTree {
  storage::ObjectId root;
  storage::ObjectId base;  ///< what of it the folder has
};

struct FolderState {
  std::optional<storage::ObjectId> applied;
  std::optional<ShareBase> base;
  std::optional<PendingCommit> pending;
  std::optional<LeftTree> left;
  std::uint32_t content_generation = 0;  ///< of the trees
  storage::Epoch epoch;                  ///< of the newest objects in `applied`
  std::uint64_t trees_through = 0;       ///< all trees of commits up to this receipt are here
};

/// What is being taken out of the folder for others.
struct Removing {
  storage::ObjectId tree;  ///< has it: it may be in no commit yet
  std::uint32_t content_generation = 0;
  std::set<std::string> paths;
};

/// What the brake holds back.
struct HeldBack {
  storage::BrakeReason reason = storage::BrakeReason::too_many;
  storage::CycleCounts counts;
  storage::UnixTime since;
  bool released = false;  ///< somebody said that it is meant
};

/// What was deleted or rewritten for others lately: by a hash of the path.
struct PassedChange {
  storage::UnixTime at;
  bool deleted = false;
};
using PassedChanges = std::map<std::uint64_t, PassedChange>;

inline constexpr std::size_t kMaxListedConflicts = 1000;

/// Each row is versioned CBOR. What is malformed reads as if it were not there: everything is then scanned, and joined
/// without an ancestor, which loses nothing. Of local_paths() then nothing is kept: files that are there stand in the
/// way of those of the space, and are told. Thread-safe; changes of one row by two threads at once are in no order.
class ShareState {
 public:
  explicit ShareState(storage::Database& database) : database_(database) {}

  Result<FolderState> folder() const;
  Result<void> set_folder(const FolderState& state, storage::Durability durability);
  Result<std::optional<Removing>> removing() const;
  Result<void> set_removing(const std::optional<Removing>& removing);
  Result<LocalPaths> local_paths() const;
  Result<void> set_local_paths(const LocalPaths& paths);
  Result<std::optional<HeldBack>> held() const;
  Result<void> set_held(const std::optional<HeldBack>& held);
  Result<PassedChanges> passed() const;
  Result<void> set_passed(const PassedChanges& passed);
  /// Those that are listed until their copies are gone; kMaxListedConflicts at most.
  Result<std::vector<storage::MergeConflict>> conflicts() const;
  Result<void> set_conflicts(const std::vector<storage::MergeConflict>& conflicts);

 private:
  storage::Database& database_;
};

}  // namespace beffroi::daemon
