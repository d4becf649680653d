// Trees of a share as a cycle makes them: put together from two, or stored anew under other keys.
// All read from a source that has what the sink was given: whoever calls them flushes the sink first, and they flush it
// when they return.
#pragma once

#include <map>
#include <set>

#include "daemon/share/share_folder.h"

namespace beffroi::daemon {

using TreeEdits = std::map<std::string, std::optional<storage::Entry>>;

Result<storage::ObjectId> empty_tree(const storage::KeyRing& keys, StoreSink& sink);
Result<storage::TreeRoot> tree_root(const storage::ObjectOpener& opener, const storage::ObjectId& tree);

/// `tree` with these edits, made sound: what stands below a path that is no folder any more goes, and whatever is put
/// somewhere has the folders above it, taken from `folders` where `tree` has none.
Result<storage::ObjectId> edited(const storage::ObjectOpener& opener, StoreSink& sink, const storage::ObjectId& tree,
                                 TreeEdits edits, const storage::ObjectId& folders);

/// `after`, but at these paths as `before` has it; below those that are no folder there, nothing.
Result<storage::ObjectId> held_back(const storage::ObjectOpener& opener, StoreSink& sink,
                                    const storage::ObjectId& before, const storage::ObjectId& after,
                                    const std::set<std::string>& paths);

/// What leads from one tree to the other, ascending.
Result<std::vector<storage::MergeChange>> changes_between(const storage::ObjectOpener& opener,
                                                          const storage::ObjectId& from, const storage::ObjectId& to);

/// The same entries in objects that may be sent now: what is here of an older epoch and has no receipt is sealed anew.
/// For after a renewal of the keys.
Result<storage::ObjectId> stored_anew(const storage::ObjectOpener& opener, StoreSink& sink,
                                      const storage::ObjectId& tree);

/// Trees of two generations of content keys do not compare: `theirs`, an old one, as a tree of the new generation.
/// Files that `mine`, which is of the new generation, has with the same size and time are taken from there; of the
/// others the content is read and stored anew.
Result<storage::ObjectId> under_new_keys(const storage::ObjectOpener& old_keys, const storage::ObjectId& theirs,
                                         const storage::ObjectOpener& new_keys, const storage::ObjectId& mine,
                                         StoreSink& sink);
/// What of `mine` was already so in `before`, a tree of an older generation: the ancestor for a merge. What it lacks
/// counts as new on both sides: a file too many may come out, never one too few.
Result<storage::ObjectId> unchanged_since(const storage::ObjectOpener& old_keys, const storage::ObjectId& before,
                                          const storage::ObjectOpener& new_keys, const storage::ObjectId& mine,
                                          StoreSink& sink);

}  // namespace beffroi::daemon
