// The last snapshot's leaves, read ahead of the walk by a thread, with what can be found out about them without it.
#pragma once

#include "daemon/backup/presence.h"
#include "daemon/backup/run_ahead.h"
#include "storage/store/file_cache.h"
#include "storage/tree/tree.h"

namespace beffroi::daemon {

/// One leaf, which nobody changes any more.
struct KnownLeaf {
  storage::TreeLeaf leaf;
  /// The object counts as present with all below it, and nothing of it lies in a sparse bundle; only known where the
  /// file cache vouches. (A check may find damage meanwhile, and the next backup then mends it: so it was always.)
  bool present = false;
  /// Of each entry: what its file was like when it had just this content and these attributes; nullopt when the file
  /// cache doesn't know all of that, or it is no file.
  std::vector<std::optional<storage::FileFingerprint>> vouched;
  std::size_t weight = 0;  ///< roughly what it takes in memory

  const std::vector<storage::Entry>& entries() const { return leaf.entries; }
};

/// Entries of the last snapshot, side by side in one leaf, that are as they were.
struct KnownRun {
  std::shared_ptr<const KnownLeaf> leaf;  ///< nullptr: none
  std::size_t first = 0;
  std::size_t count = 0;
  /// In memory. A run keeps its whole leaf: the first one that is handed on carries all of it, the others nothing.
  std::size_t weight = 0;

  std::span<const storage::Entry> entries() const { return std::span(leaf->entries()).subspan(first, count); }
  bool is_whole_leaf() const { return count == leaf->entries().size(); }
};

/// next() is called by one thread.
class PreviousLeaves {
 public:
  using Leaf = std::shared_ptr<const KnownLeaf>;
  /// All that is referred to outlives the reading. Without `files` nothing is vouched for.
  PreviousLeaves(const storage::ObjectOpener& opener, const storage::ObjectId& root, Presence& presence,
                 const storage::FileCache* files, Priority priority);
  /// nullopt at the end. After an error nothing more comes.
  Result<std::optional<Leaf>> next() { return leaves_.next(); }

 private:
  Result<std::optional<Leaf>> read();

  storage::TreeCursor cursor_;
  Presence& presence_;
  std::optional<storage::FileCacheCursor> cached_;
  RunAhead<Leaf> leaves_;  ///< last: its thread uses all of the above
};

}  // namespace beffroi::daemon
