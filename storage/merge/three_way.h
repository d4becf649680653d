// Two replicas' trees of a shared folder joined through their common ancestor.
//
// What only one side changed is taken. Of a file that both changed differently both versions survive, as do two
// different files or a file and a folder that got one name: who wins depends on the versions alone, so every replica
// finds the same tree, and the loser stands beside it under a name that says whose it is (conflict_name.h). What one
// side deleted and the other changed or renamed survives, with the folders it needs; new times and rights alone do not
// bring a deleted file back, and merge without a conflict. Files and folders that were moved are recognised
// (side_changes.h): edits land in the new place, and of two new places the lesser path stands, parent and name each on
// its own.
//
// merge(a, b) and merge(b, a) give equal trees, merge(a, a) gives a, and merge(a, ancestor) gives a. Of three sides,
// the order of merging may decide how copies are named and which moves stand, never whether a content survives.
#pragma once

#include "storage/merge/placement.h"

namespace beffroi::storage {

struct MergeInput {
  std::optional<ObjectId> ancestor;  ///< root of the common ancestor's tree; nullopt: the two never met
  ObjectId ours;
  ObjectId theirs;
  ChangeAuthor our_author;
  ChangeAuthor their_author;
};

/// What a side has to do at one path to have the merged tree.
struct MergeChange {
  std::string path;
  std::optional<Entry> before;  ///< what the side has there; nullopt: nothing
  std::optional<Entry> after;   ///< nullopt: nothing
  /// Where the side has what `after` holds, and will not have it any more: a rename does. Only a hint.
  std::optional<std::string> moved_from;
  bool operator==(const MergeChange&) const = default;
};

struct MergedTree {
  TreeRoot root;
  /// Just the paths that differ between that side and `root`, ascending: folders before what is in them. (Who deletes
  /// goes backwards. Renames may form circles: go through names of your own.)
  std::vector<MergeChange> for_ours;
  std::vector<MergeChange> for_theirs;
  std::vector<MergeConflict> conflicts;
};

/// Reads and writes what differs between the three trees, in memory O(what differs). All objects of the three are
/// present and under the opener's content keys; `sink` seals for the same. Entries have a folder as parent, and no
/// hard links. Blocks; thread-safe if opener and sink are.
/// Errors: reading (corrupt, not_found…), corrupt when a tree has something below a file, limit_exceeded for a path
/// that is too long or nested too deeply, and the sink's. Objects put until then are garbage.
Result<MergedTree> merge_trees(const ObjectOpener& opener, const MergeInput& input, ObjectSink& sink);

}  // namespace beffroi::storage
