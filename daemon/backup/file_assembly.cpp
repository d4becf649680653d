#include "daemon/backup/file_assembly.h"

#include <algorithm>

namespace beffroi::daemon {

Result<bool> FileAssembly::deliver(std::size_t index, storage::Segment segment) {
  const std::lock_guard lock(mutex_);
  early_.emplace(index, std::move(segment));
  while (!early_.empty() && early_.begin()->first == next_) {
    BEFFROI_CHECK(builder_.add(std::move(early_.begin()->second)));
    early_.erase(early_.begin());
    ++next_;
  }
  return finish_if_complete();
}

Result<bool> FileAssembly::end_at(std::size_t pieces) {
  const std::lock_guard lock(mutex_);
  total_ = pieces;
  return finish_if_complete();
}

Result<bool> FileAssembly::finish_if_complete() {
  if (total_ != next_) return false;
  BEFFROI_CHECK(builder_.finish(slot_->entry()));
  return true;
}

EarlierChunks::EarlierChunks(const std::optional<storage::Entry>& previous, const storage::ObjectOpener& opener) {
  if (!previous || previous->type != storage::EntryType::file) return;
  std::uint64_t offset = 0;
  const auto enough = Error{ErrorCode::limit_exceeded, {}, {}};
  // An error means only that there are fewer chunks to compare with.
  static_cast<void>(storage::for_each_segment(*previous, opener, [&](const storage::Segment& segment) -> Result<void> {
    if (segment.object && !segment.in_bundle) chunks_.push_back({offset, segment.length, *segment.object});
    offset += segment.length;
    if (chunks_.size() >= kMaxSegments) return std::unexpected(enough);
    return {};
  }));
}

std::optional<storage::ObjectRef> EarlierChunks::overlapping(std::uint64_t offset, std::uint64_t length) const {
  const auto behind = [](std::uint64_t at, const Chunk& chunk) { return at < chunk.offset + chunk.length; };
  auto chunk = std::upper_bound(chunks_.begin(), chunks_.end(), offset, behind);
  const Chunk* best = nullptr;
  std::uint64_t best_overlap = 0;
  for (; chunk != chunks_.end() && chunk->offset < offset + length; ++chunk) {
    const std::uint64_t begin = std::max(offset, chunk->offset);
    const std::uint64_t overlap = std::min(offset + length, chunk->offset + chunk->length) - begin;
    if (overlap > best_overlap) {
      best = &*chunk;
      best_overlap = overlap;
    }
  }
  if (best == nullptr) return std::nullopt;
  return best->object;
}

}  // namespace beffroi::daemon
