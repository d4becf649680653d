#include "daemon/backup/presence.h"

#include <algorithm>

namespace beffroi::daemon {

using storage::ObjectId;

bool Presence::remembers(const ObjectId& id) {
  const std::lock_guard lock(mutex_);
  return present_.contains(id);
}

void Presence::note(const ObjectId& id) {
  const std::lock_guard lock(mutex_);
  if (present_.size() >= kMaxRememberedPresent) present_.clear();
  present_.insert(id);
}

Result<bool> Presence::has(const storage::ObjectRef& ref) { return has_all({&ref.id, 1}, false); }

// Recursion is as deep as objects are high: at most storage::kMaxHeight.
Result<bool> Presence::has_all(std::span<const ObjectId> ids, bool accept_sparse) {
  std::vector<ObjectId> asked;
  // A leaf means the same wherever its files are packed: found by its digest, it must not bring sparse bundles back.
  if (!accept_sparse && std::any_of(ids.begin(), ids.end(), [&](const ObjectId& id) { return is_sparse(id); }))
    return false;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(asked), [&](const ObjectId& id) { return !remembers(id); });
  if (asked.empty()) return true;
  BEFFROI_TRY(const auto infos, objects_.info_many(space_, asked));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!storage::counts_as_present(infos[i])) return false;
    if (!infos[i]->receipted && infos[i]->epoch != epoch_) return false;
    // What is known by a receipt only has no children here: the peer vouches for them.
    if (infos[i]->height > 0) {
      BEFFROI_TRY(const auto children, objects_.children(space_, asked[i]));
      BEFFROI_TRY(const bool all, has_all(children, accept_sparse));
      if (!all) return false;
    }
    note(asked[i]);
  }
  return true;
}

Result<bool> Presence::has_content(const storage::Entry& entry, bool accept_sparse) {
  std::vector<ObjectId> ids;
  if (entry.content_root) ids.push_back(entry.content_root->id);
  for (const storage::Segment& segment : entry.segments)
    if (segment.object) ids.push_back(segment.object->id);
  return has_all(ids, accept_sparse);
}

Result<std::uint64_t> Presence::unsent_bytes(const storage::Entry& entry) {
  if (entry.content_root) {
    BEFFROI_TRY(const auto root, objects_.info(space_, entry.content_root->id));
    return root && root->receipted ? 0 : entry.size;
  }
  std::vector<ObjectId> ids;
  std::vector<std::uint64_t> lengths;
  for (const storage::Segment& segment : entry.segments) {
    if (!segment.object) continue;
    ids.push_back(segment.object->id);
    lengths.push_back(segment.length);
  }
  std::uint64_t out = 0;
  BEFFROI_TRY(const auto infos, objects_.info_many(space_, ids));
  for (std::size_t i = 0; i < infos.size(); ++i)
    if (!infos[i] || !infos[i]->receipted) out += lengths[i];
  return out;
}

}  // namespace beffroi::daemon
