// One entry, or several that are as they were, on the way from the walk to the tree.
#pragma once

#include <atomic>
#include <memory>

#include "daemon/backup/previous_leaves.h"
#include "daemon/backup/walk.h"

namespace beffroi::daemon {

/// Content of a group of hard links, filled when the first of them enters the tree, read by the later ones then.
struct LinkGroup {
  std::string first_path;
  std::uint64_t links_left = 0;
  std::optional<storage::Entry> content;  ///< only its content fields mean something
  off_t size = 0;                         ///< of the first, when the walk met it
  timespec mtime{};
  uid_t owner = 0;

  bool is_like(const struct stat& status) const {
    return size == status.st_size && owner == status.st_uid && mtime.tv_sec == status.st_mtim.tv_sec &&
           mtime.tv_nsec == status.st_mtim.tv_nsec;
  }
};

/// An entry; or, when `known` is set, a run of them, and nothing else of it means anything.
/// Owned by one stage at a time: the walk, then a reader and the workers (until `done`), then the tree.
struct Slot {
  KnownRun known;                          ///< of entries that are as they were: they are not copied
  Walked walked;                           ///< its entry grows complete on the way
  std::optional<storage::Entry> previous;  ///< the last snapshot's
  bool separate = false;
  std::atomic<bool> done = true;  ///< the content is known, or will never be; becomes true in RunState::update()
  bool dropped = false;           ///< vanished before it was read: not in the tree
  bool was_read = false;
  bool kept = false;  ///< the last snapshot's entry, as it was
  /// The walk's reading of the attributes belongs to walked.status.
  bool attributes_known = false;
  /// False below a folder that is open to more people than it was: they would read what was kept from them.
  bool may_fall_back = true;
  Bytes small_content;  ///< waits to be put into a bundle
  storage::Digest small_digest;
  std::shared_ptr<LinkGroup> links;

  storage::Entry& entry() { return walked.entry; }
  const storage::Entry& entry() const { return walked.entry; }
};
using SlotPointer = std::shared_ptr<Slot>;

/// Size, digest, segments and what the flags say of them.
inline void copy_content(const storage::Entry& from, storage::Entry& to) {
  constexpr std::uint32_t kContentFlags = storage::kEntryChangedWhileRead | storage::kEntryUnreadable;
  to.size = from.size;
  to.content_digest = from.content_digest;
  to.segments = from.segments;
  to.content_root = from.content_root;
  to.flags = (to.flags & ~kContentFlags) | (from.flags & kContentFlags);
}

/// Roughly what they take in memory, for the bounds of queues.
inline std::size_t weight_of(const storage::Entry& entry) {
  std::size_t weight = sizeof entry + entry.path.size() + entry.segments.size() * sizeof(storage::Segment);
  for (const auto& attribute : entry.xattrs) weight += attribute.value.size() + 64;
  return weight;
}
inline std::size_t weight_of(const Slot& slot) {
  if (slot.known.leaf) return sizeof slot + slot.known.weight;
  return 256 + weight_of(slot.entry()) + (slot.previous ? weight_of(*slot.previous) : 0) + slot.small_content.size();
}

}  // namespace beffroi::daemon
