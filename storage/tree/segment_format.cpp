#include "storage/tree/segment_format.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kHoleItems = 1;
constexpr std::size_t kChunkItems = 4;
constexpr std::size_t kSliceItems = 5;

bool is_valid_segment(const Segment& segment) {
  if (segment.length == 0 || segment.length > INT64_MAX) return false;
  if (!segment.object) return segment.offset == 0 && !segment.in_bundle && segment.digest.is_zero();
  if (segment.length > kMaxRawBytes || segment.object->height >= kMaxHeight) return false;
  return segment.in_bundle ? segment.offset <= kMaxRawBytes - segment.length : segment.offset == 0;
}

}  // namespace

void encode_segment_logical(const Segment& segment, CborWriter& out) {
  out.array(2).uint(segment.length);
  if (segment.object)
    out.bytes(segment.digest);
  else
    out.null();
}

void encode_reference(const ObjectRef& ref, const ChildTable& table, CborWriter& out) {
  out.uint(table.index_of(ref.id)).uint(ref.height);
}

ObjectRef decode_reference(CborReader& reader, std::span<const ObjectId> children) {
  const std::uint64_t index = reader.uint();
  const std::uint64_t height = reader.uint(kMaxHeight - 1);
  if (index >= children.size()) reader.reject();
  if (reader.failed()) return {};
  return {.id = children[index], .height = static_cast<std::uint8_t>(height)};
}

void encode_segment(const Segment& segment, const ChildTable& table, CborWriter& out) {
  if (!segment.object) {
    out.array(kHoleItems).uint(segment.length);
    return;
  }
  out.array(segment.in_bundle ? kSliceItems : kChunkItems).uint(segment.length).bytes(segment.digest);
  encode_reference(*segment.object, table, out);
  if (segment.in_bundle) out.uint(segment.offset);
}

Segment decode_segment(CborReader& reader, std::span<const ObjectId> children) {
  Segment out;
  const std::size_t items = reader.array(kSliceItems);
  out.length = reader.uint();
  if (items != kHoleItems) {
    out.digest = reader.fixed<Digest>();
    out.object = decode_reference(reader, children);
    out.in_bundle = items == kSliceItems;
    if (out.in_bundle) out.offset = static_cast<std::uint32_t>(reader.uint(kMaxRawBytes));
  }
  reader.leave();
  if (!is_valid_segment(out)) reader.reject();
  return out;
}

std::optional<std::uint64_t> total_length(std::span<const Segment> segments) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!is_valid_segment(segments[i])) return std::nullopt;
    if (i > 0 && !segments[i].object && !segments[i - 1].object) return std::nullopt;
    total += segments[i].length;
    if (total > INT64_MAX) return std::nullopt;
  }
  return total;
}

void collect_children(std::span<const Segment> segments, ChildTable& table) {
  for (const Segment& segment : segments)
    if (segment.object) table.add(*segment.object);
}

}  // namespace beffroi::storage
