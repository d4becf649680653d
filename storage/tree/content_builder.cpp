#include "crypto/assert.h"
#include "storage/tree/content_format.h"
#include "storage/tree/level_stack.h"
#include "storage/tree/segment_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

bool is_boundary(const Digest& digest) { return digest.data[0] == 0; }

/// Nodes of a content tree, for LevelStack.
struct ContentLevels {
  using Child = ContentItems::Child;
  static constexpr std::size_t kMaxNodeChildren = kMaxContentItems;
  static constexpr std::size_t kMaxNodeBytes = SIZE_MAX;  // their number bounds them

  const KeyRing& keys;
  ObjectSink& sink;

  std::size_t logical_size(const Child&) const { return 0; }
  bool ends_node(std::uint8_t, const Child& child, std::size_t) const { return is_boundary(child.digest); }

  Result<Child> seal(std::uint8_t level, const std::vector<Child>& children) const {
    Child out{.ref = {}, .digest = content_node_digest(keys.digests(), level, children), .bytes = 0, .level = level};
    ChildTable table;
    for (const Child& child : children) {
      table.add(child.ref);
      out.bytes += child.bytes;
    }
    BEFFROI_TRY(out.ref, put_unless_present(
                             sink, ObjectKind::content_node, out.digest, std::move(table),
                             [&](const ChildTable& frozen) { return encode_content_node(level, children, frozen); }));
    return out;
  }
};

}  // namespace

struct ContentBuilder::State {
  const KeyRing& keys;
  ObjectSink& sink;
  ContentDigester digester;
  LevelStack<ContentLevels> levels;
  std::vector<Segment> inline_segments;  // until there are too many: `spilled` from then on
  std::vector<Segment> leaf;
  Segment hole;  // at the end, and may still grow; length 0: none
  std::uint64_t size = 0;
  bool spilled = false;

  State(const KeyRing& ring, ObjectSink& objects)
      : keys(ring), sink(objects), digester(ring.digests()), levels({ring, objects}) {}

  Result<void> append(const Segment& segment);
  Result<void> append_to_leaf(const Segment& segment);
  Result<void> close_hole();
  Result<void> close_leaf();
};

Result<void> ContentBuilder::State::append(const Segment& segment) {
  digester.add(segment);
  if (spilled) return append_to_leaf(segment);
  inline_segments.push_back(segment);
  if (inline_segments.size() <= kMaxInlineSegments) return {};
  spilled = true;
  for (const Segment& earlier : std::exchange(inline_segments, {})) BEFFROI_CHECK(append_to_leaf(earlier));
  return {};
}

Result<void> ContentBuilder::State::append_to_leaf(const Segment& segment) {
  leaf.push_back(segment);
  const bool ends = segment.object && is_boundary(segment.digest) && leaf.size() >= 2;
  return ends || leaf.size() == kMaxContentItems ? close_leaf() : Result<void>{};
}

Result<void> ContentBuilder::State::close_hole() {
  if (hole.length == 0) return {};
  return append(std::exchange(hole, {}));
}

Result<void> ContentBuilder::State::close_leaf() {
  const std::vector<Segment> segments = std::exchange(leaf, {});
  ContentItems::Child child{
      .ref = {}, .digest = content_leaf_digest(keys.digests(), segments), .bytes = *total_length(segments), .level = 0};
  ChildTable table;
  collect_children(segments, table);
  BEFFROI_TRY(child.ref,
              put_unless_present(sink, ObjectKind::content_leaf, child.digest, std::move(table),
                                 [&](const ChildTable& frozen) { return encode_content_leaf(segments, frozen); }));
  return levels.add(std::move(child));
}

ContentBuilder::ContentBuilder(const KeyRing& keys, ObjectSink& sink) : state_(std::make_unique<State>(keys, sink)) {}

ContentBuilder::~ContentBuilder() = default;

Result<void> ContentBuilder::add(Segment segment) {
  BEFFROI_ASSERT(total_length({&segment, 1}) && segment.length <= INT64_MAX - state_->size);
  state_->size += segment.length;
  if (!segment.object) {
    state_->hole.length += segment.length;
    return {};
  }
  BEFFROI_CHECK(state_->close_hole());
  return state_->append(segment);
}

Result<void> ContentBuilder::finish(Entry& entry) {
  BEFFROI_CHECK(state_->close_hole());
  entry.content_root.reset();
  if (state_->spilled) {
    if (!state_->leaf.empty()) BEFFROI_CHECK(state_->close_leaf());
    BEFFROI_TRY(const ContentItems::Child root, state_->levels.finish());
    entry.content_root = root.ref;
  }
  entry.size = state_->size;
  entry.segments = std::move(state_->inline_segments);
  entry.content_digest = state_->digester.finish();
  return {};
}

}  // namespace beffroi::storage
