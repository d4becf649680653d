#include "storage/tree/bundle.h"

#include "crypto/assert.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {

OpenBundle::OpenBundle() { content_.reserve(kBundleTargetBytes + kSmallFileBytes); }

Segment OpenBundle::segment_of(const Digest& digest, const Slice& slice) {
  return {.length = slice.length, .object = std::nullopt, .offset = slice.offset, .in_bundle = true, .digest = digest};
}

Segment OpenBundle::add(const Digest& digest, ByteView content) {
  BEFFROI_ASSERT(!is_full() && !content.empty() && content.size() <= kSmallFileBytes);
  const Slice next{static_cast<std::uint32_t>(content_.size()), static_cast<std::uint32_t>(content.size())};
  const auto [slice, is_new] = slices_.try_emplace(digest, next);
  if (is_new) content_.insert(content_.end(), content.begin(), content.end());
  return segment_of(digest, slice->second);
}

std::optional<Segment> OpenBundle::find(const Digest& digest) const {
  const auto slice = slices_.find(digest);
  if (slice == slices_.end()) return std::nullopt;
  return segment_of(digest, slice->second);
}

Result<ObjectRef> OpenBundle::seal(const KeyRing& keys, ObjectSink& sink) const {
  BEFFROI_ASSERT(!is_empty());
  return put_unless_present(sink, ObjectKind::bundle, keys.digests().chunk(content_), {},
                            [this](const ChildTable&) { return ByteView(content_); });
}

}  // namespace beffroi::storage
