// Changes a stored tree and reads and writes only what changes: what a shared folder's every cycle does.
//
// Where leaves and nodes end follows from their items alone (tree.h), so a new tree differs from the old one only in
// the leaves whose entries change and up to the next place where an old and a new leaf begin with the same entry; one
// level up the same holds for the children that were replaced, and so on.
#pragma once

#include <span>

#include "storage/tree/tree.h"

namespace beffroi::storage {

/// Puts an entry at its path, whatever is there, or removes what is there, if anything.
struct TreeChange {
  std::string path;
  std::optional<Entry> entry;  ///< its path is `path`; nullopt: remove
  bool operator==(const TreeChange&) const = default;
};

/// The tree with all changes made: the same digest, and the same object if `sink` finds it, as that of a TreeBuilder
/// which got all entries. Precondition (asserted): paths strictly ascend, and an entry's path is its change's.
/// limit_exceeded: an entry is not has_valid_metadata() or not has_valid_content(), and nothing was done; corrupt: an
/// object of the old tree is not what it should be. An error leaves at most objects that nothing refers to. A removed
/// folder's entries below it are the caller's to remove. Memory: what is replaced, and a page of each level.
Result<TreeRoot> edit_tree(const ObjectOpener& opener, ObjectId root, std::span<const TreeChange> changes,
                           ObjectSink& sink);

}  // namespace beffroi::storage
