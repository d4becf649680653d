// What one side did since the common ancestor, moves recognised.
#pragma once

#include <map>

#include "storage/tree/tree.h"

namespace beffroi::storage {

/// Deepest path that a merge takes: far beyond what Linux opens (4,096 bytes).
inline constexpr std::size_t kMaxMergeDepth = 2048;

/// Maps by path look up without a copy of it.
template <class Value>
using ByPath = std::map<std::string, Value, std::less<>>;

/// A name that was a file and is a folder now (or the other way round) is removed and added.
struct SideChanges {
  struct Edit {
    Entry before;
    Entry after;
  };
  ByPath<Entry> removed;           ///< by the ancestor's paths
  ByPath<Entry> added;             ///< by the side's paths
  ByPath<Edit> edited;             ///< under the same path on both, whatever of it differs
  ByPath<std::string> moved_to;    ///< of `removed` → of `added`: the same file or folder
  ByPath<std::string> moved_from;  ///< the inverse
};

/// Reads what differs. limit_exceeded for a path deeper than kMaxMergeDepth; else the errors of diff_trees().
Result<SideChanges> changes_since(const ObjectOpener& opener, ObjectId ancestor, ObjectId side);

/// Fills moved_to and moved_from. A file moved when its bytes (at least one) vanished under one path and appeared under
/// another; of several with the same bytes, those are paired whose last components agree, then in path order. A folder
/// moved when files that kept their names below it went along; then all that vanished below it and appeared in the same
/// place below its new path moved too, whatever its content. A renamed folder without any file is a new folder.
/// O(n log n) in the changes.
void find_moves(SideChanges& changes);

}  // namespace beffroi::storage
