// Property: an accepted leaf, node or content object is encoded back byte for byte, names every child of its header,
// and its entries are ones that a builder would take. Input: kind, number of children, height, index of the dictionary,
// payload.
#include "storage/tree/content_format.h"
#include "storage/tree/segment_format.h"
#include "storage/tree/tree_format.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;
using namespace beffroi::storage;

namespace {

constexpr std::size_t kPrefixBytes = 4;
constexpr std::uint8_t kMostChildren = 8;

/// All children of the header, in the order that gives each its own index.
ChildTable all_children(const OpenedObject& object) {
  ChildTable out;
  for (const ObjectId& id : object.header.children) out.add({.id = id, .height = 0});
  out.freeze();
  return out;
}

void check_leaf(const OpenedObject& object) {
  const auto entries = decode_leaf(object);
  if (!entries) return;
  for (const Entry& entry : *entries) {
    BEFFROI_ASSERT(has_valid_metadata(entry) && has_valid_content(entry));
    BEFFROI_ASSERT(decode_entry_logical(encode_entry_logical(entry)).has_value());
  }
  BEFFROI_ASSERT(encode_leaf(*entries, all_children(object)) == object.plaintext);
}

void check_node(const OpenedObject& object) {
  const auto children = decode_node(object);
  if (!children) return;
  const auto level = static_cast<std::uint8_t>(children->front().level + 1);
  BEFFROI_ASSERT(encode_node(level, *children, all_children(object)) == object.plaintext);
}

void check_content(const OpenedObject& object) {
  const auto items = decode_content(object);
  if (!items) return;
  const ChildTable table = all_children(object);
  if (object.header.kind == ObjectKind::content_leaf) {
    BEFFROI_ASSERT(total_length(items->segments).has_value() && items->children.empty());
    BEFFROI_ASSERT(encode_content_leaf(items->segments, table) == object.plaintext);
  } else {
    const auto level = static_cast<std::uint8_t>(items->children.front().level + 1);
    BEFFROI_ASSERT(encode_content_node(level, items->children, table) == object.plaintext);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kPrefixBytes) return 0;
  OpenedObject object;
  object.header.kind = static_cast<ObjectKind>(static_cast<int>(ObjectKind::leaf) + data[0] % 4);
  for (std::uint8_t i = 0; i < data[1] % (kMostChildren + 1); ++i) object.header.children.push_back({.data = {i}});
  object.header.height = data[2];
  if (data[3] < object.header.children.size()) object.reference_child = data[3];
  object.plaintext.assign(data + kPrefixBytes, data + size);
  check_leaf(object);
  check_node(object);
  check_content(object);
  return 0;
}
