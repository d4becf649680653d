#include "daemon/backup/previous_leaves.h"

#include "daemon/backup/slot.h"

namespace beffroi::daemon {

using storage::Entry;

PreviousLeaves::PreviousLeaves(const storage::ObjectOpener& opener, const storage::ObjectId& root, Presence& presence,
                               const storage::FileCache* files, Priority priority)
    : cursor_(opener, root),
      presence_(presence),
      cached_(files == nullptr ? std::nullopt : std::optional<storage::FileCacheCursor>(*files)),
      leaves_(
          {.items = kMaxLeavesAhead, .weight = kMaxLeafBytesAhead}, [this] { return read(); },
          [](const Leaf& leaf) { return leaf->weight; }, priority) {}

Result<std::optional<PreviousLeaves::Leaf>> PreviousLeaves::read() {
  BEFFROI_TRY(auto leaf, cursor_.next_leaf());
  if (!leaf) return std::nullopt;
  auto out = std::make_shared<KnownLeaf>();
  out->leaf = std::move(*leaf);
  if (cached_) {
    BEFFROI_TRY(out->present, presence_.has(out->leaf.self.ref));
  }
  out->vouched.resize(out->entries().size());
  for (std::size_t i = 0; i < out->vouched.size(); ++i) {
    const Entry& entry = out->entries()[i];
    out->weight += weight_of(entry) + sizeof out->vouched[i];
    if (!cached_ || entry.type != storage::EntryType::file || entry.flags != 0 || !entry.hard_link.empty()) continue;
    BEFFROI_TRY(const auto cached, cached_->find(entry.path));
    if (cached && cached->attributes && cached->content_digest == entry.content_digest &&
        *cached->attributes == storage::attributes_hash(entry.xattrs))
      out->vouched[i] = cached->fingerprint;
  }
  return out;
}

}  // namespace beffroi::daemon
