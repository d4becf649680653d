// Who gets which name when nodes of a merge end up under the same one, and what the others are called.
#pragma once

#include "storage/merge/conflict_name.h"
#include "storage/merge/merge_graph.h"

namespace beffroi::storage {

/// What stands at a path after the merge.
struct PlacedEntry {
  Entry entry;
  /// By side: where that side has just this content, or this folder; nullopt: nowhere that is known.
  std::array<std::optional<std::string>, 2> had_at;
};

struct Placement {
  /// Of all nodes that stay, by path.
  ByPath<PlacedEntry> placed;
  /// Entries of the ancestor that no side changed and that something else wanted the path of.
  ByPath<Entry> involved;
  std::vector<MergeConflict> conflicts;  ///< by path
};

/// Folders under one name become one folder; of files the winner of compare_versions() keeps the name, and a folder
/// keeps it before any file; equal contents are one file. The others get conflict_name()s beside it; a version that is
/// there under such a name already gets no second one. Symmetrical. `ancestor` is read where a path was free on no
/// side.
Result<Placement> place_nodes(const MergeGraph& graph, const TreeReader& ancestor,
                              const std::array<ChangeAuthor, 2>& authors);

}  // namespace beffroi::storage
