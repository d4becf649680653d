#include "storage/tree/segment_format.h"

namespace beffroi::storage {

struct ContentDigester::State {
  crypto::Hasher hasher;
  Segment open_hole;  // length 0: none; it may still grow
  std::uint64_t items = 0;
  std::optional<Digest> only;  // of the first segment, when it has data

  void append(const Segment& segment) {
    if (items == 0 && segment.object) only = segment.digest;
    CborWriter item;
    encode_segment_logical(segment, item);
    hasher.update(item.view());
    ++items;
  }
  void close_hole() {
    if (open_hole.length > 0) append(open_hole);
    open_hole.length = 0;
  }
};

ContentDigester::ContentDigester(const DigestKeys& keys)
    : state_(std::make_unique<State>(State{.hasher = keys.content_hasher(), .open_hole = {}, .only = {}})) {}

ContentDigester::~ContentDigester() = default;

void ContentDigester::add(const Segment& segment) {
  if (!segment.object) {
    state_->open_hole.length += segment.length;
    return;
  }
  state_->close_hole();
  state_->append(segment);
}

Digest ContentDigester::finish() {
  state_->close_hole();
  if (state_->items == 1 && state_->only) return *state_->only;
  CborWriter count;
  count.uint(state_->items);
  return {state_->hasher.update(count.view()).finish()};
}

Digest content_digest_of(const DigestKeys& keys, std::span<const Segment> segments) {
  if (is_one_piece(segments)) return segments[0].digest;
  ContentDigester digester(keys);
  for (const Segment& segment : segments) digester.add(segment);
  return digester.finish();
}

}  // namespace beffroi::storage
