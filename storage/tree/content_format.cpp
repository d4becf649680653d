#include "storage/tree/content_format.h"

#include "storage/tree/segment_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

std::vector<Segment> read_leaf(CborReader& reader, const OpenedObject& object) {
  std::vector<Segment> out(reader.array(kMaxContentItems));
  for (Segment& segment : out) segment = decode_segment(reader, object.header.children);
  reader.leave();
  if (out.empty() || !total_length(out)) reader.reject();
  return out;
}

std::vector<ContentItems::Child> read_node(CborReader& reader, const OpenedObject& object) {
  reader.array_of(2);
  const std::uint64_t level = reader.uint(kMaxTreeLevel);
  std::vector<ContentItems::Child> out(reader.array(kMaxContentItems));
  if (level == 0 || out.empty()) reader.reject();
  for (ContentItems::Child& child : out) {
    reader.array_of(4);
    child.ref = decode_reference(reader, object.header.children);
    child.digest = reader.fixed<Digest>();
    child.bytes = reader.uint();
    child.level = static_cast<std::uint8_t>(level - 1);
    reader.leave();
    if (child.bytes == 0) reader.reject();
  }
  reader.leave();
  reader.leave();
  return out;
}

}  // namespace

Bytes encode_content_leaf(std::span<const Segment> segments, const ChildTable& table) {
  CborWriter out;
  out.array(segments.size());
  for (const Segment& segment : segments) encode_segment(segment, table, out);
  return out.take();
}

Bytes encode_content_node(std::uint8_t level, std::span<const ContentItems::Child> children, const ChildTable& table) {
  CborWriter out;
  out.array(2).uint(level).array(children.size());
  for (const ContentItems::Child& child : children) {
    out.array(4);
    encode_reference(child.ref, table, out);
    out.bytes(child.digest).uint(child.bytes);
  }
  return out.take();
}

Digest content_leaf_digest(const DigestKeys& keys, std::span<const Segment> segments) {
  CborWriter out;
  out.array(segments.size());
  for (const Segment& segment : segments) encode_segment_logical(segment, out);
  return keys.content(out.take());
}

Digest content_node_digest(const DigestKeys& keys, std::uint8_t level, std::span<const ContentItems::Child> children) {
  CborWriter out;
  out.array(2).uint(level).array(children.size());
  for (const ContentItems::Child& child : children) out.array(2).bytes(child.digest).uint(child.bytes);
  return keys.content(out.take());
}

Result<ContentItems> decode_content(const OpenedObject& object) {
  const ObjectKind kind = object.header.kind;
  CborReader reader(object.plaintext);
  ContentItems out;
  ChildTable named;
  if (kind == ObjectKind::content_leaf) {
    out.segments = read_leaf(reader, object);
    collect_children(out.segments, named);
  } else if (kind == ObjectKind::content_node) {
    out.children = read_node(reader, object);
    for (const ContentItems::Child& child : out.children) named.add(child.ref);
  } else {
    reader.reject();
  }
  if (!reader.finish() || !names_all_children(object, std::move(named)))
    return std::unexpected(malformed(object_kind_name(kind)));
  return out;
}

}  // namespace beffroi::storage
