#include <list>

#include "crypto/assert.h"
#include "storage/tree/content.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kCachedBundles = 8;

Result<Bytes> verified(const Segment& segment, ObjectKind kind, Bytes bytes, const DigestKeys& keys) {
  if (bytes.size() != segment.length || keys.chunk(bytes) != segment.digest)
    return contradicts_reference(segment.object->id, kind);
  return bytes;
}

}  // namespace

struct SegmentReader::State {
  const ObjectOpener& opener;
  std::list<std::pair<ObjectId, Bytes>> bundles;  // the last used first

  // The pointer is good until the next call.
  Result<const Bytes*> bundle(const ObjectRef& ref) {
    const auto found = std::ranges::find(bundles, ref.id, &std::pair<ObjectId, Bytes>::first);
    if (found != bundles.end()) {
      bundles.splice(bundles.begin(), bundles, found);
    } else {
      BEFFROI_TRY(OpenedObject opened, opener.open(ref.id, ObjectKind::bundle));
      bundles.emplace_front(ref.id, std::move(opened.plaintext));
      if (bundles.size() > kCachedBundles) bundles.pop_back();
    }
    return &bundles.front().second;
  }
};

SegmentReader::SegmentReader(const ObjectOpener& opener) : state_(std::make_unique<State>(State{opener, {}})) {}

SegmentReader::~SegmentReader() = default;

Result<Bytes> SegmentReader::read(const Segment& segment) {
  BEFFROI_ASSERT(segment.object.has_value());
  const DigestKeys& keys = state_->opener.keys().digests();
  if (!segment.in_bundle) {
    BEFFROI_TRY(OpenedObject opened, state_->opener.open(segment.object->id, ObjectKind::chunk));
    return verified(segment, ObjectKind::chunk, std::move(opened.plaintext), keys);
  }
  BEFFROI_TRY(const Bytes* const bundle, state_->bundle(*segment.object));
  if (segment.offset > bundle->size() || segment.length > bundle->size() - segment.offset)
    return contradicts_reference(segment.object->id, ObjectKind::bundle);
  const auto slice = ByteView(*bundle).subspan(segment.offset, static_cast<std::size_t>(segment.length));
  return verified(segment, ObjectKind::bundle, to_bytes(slice), keys);
}

Result<Bytes> read_segment(const Segment& segment, const ObjectOpener& opener) {
  return SegmentReader(opener).read(segment);
}

}  // namespace beffroi::storage
