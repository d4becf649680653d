// Goal: a file of any number of segments comes back in order, its tree depends on its content alone, an insertion
// rewrites one path, and no damaged or forged object passes.
#include "storage/tree/content.h"

#include <gtest/gtest.h>

#include <set>

#include "storage/format/chunker.h"
#include "storage/tree/content_format.h"
#include "storage/tree/segment_format.h"
#include "tests/support/memory_objects.h"
#include "tests/support/test_entries.h"

namespace beffroi::storage {
namespace {

using testing::ContentPool;
using testing::MemoryObjects;
using testing::seeded_bytes;

struct ContentTest : ::testing::Test {
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(testing::test_key_ring(3));
  ObjectOpener opener = MemoryObjects::opener(objects);
  const DigestKeys& keys = objects->keys().digests();
  ObjectRef chunk = *objects->put(ObjectKind::chunk, {}, {}, seeded_bytes(1, 10));

  /// All in one chunk object: only the digests differ, which is what shapes a content tree.
  Segment segment(std::uint64_t index) const {
    const auto hash = crypto::siphash24(keys.chunk_cut_key(), as_bytes(std::to_string(index)));
    Segment out{.length = 1 + hash % 1000, .object = chunk, .digest = {}};
    put_le64(out.digest.data.data(), hash);
    put_le64(out.digest.data.data() + 8, index);
    return out;
  }
  std::vector<Segment> segments(std::size_t count, bool with_holes = true) const {
    std::vector<Segment> out;
    for (std::size_t i = 0; out.size() < count; ++i) {
      out.push_back(segment(i));
      if (with_holes && i % 5 == 0 && out.size() < count)
        out.push_back({.length = 4096 + i, .object = {}, .digest = {}});
    }
    return out;
  }
  static Entry build(std::span<const Segment> content, const KeyRing& ring, ObjectSink& sink) {
    Entry out;
    out.path = "file";
    ContentBuilder builder(ring, sink);
    for (const Segment& each : content) EXPECT_TRUE(builder.add(each));
    const auto done = builder.finish(out);
    EXPECT_TRUE(done.has_value());
    return out;
  }
  Entry build(std::span<const Segment> content) { return build(content, objects->keys(), *objects); }

  Result<std::vector<Segment>> read(const Entry& entry) const {
    std::vector<Segment> out;
    BEFFROI_CHECK(for_each_segment(entry, opener, [&](const Segment& each) -> Result<void> {
      out.push_back(each);
      return {};
    }));
    return out;
  }
  ErrorCode read_error(const Entry& entry) const {
    const auto got = read(entry);
    return got ? ErrorCode::usage : got.error().code;
  }
  /// Ids of the content tree's objects, root first.
  std::vector<ObjectId> tree_objects(const ObjectId& root) const {
    std::vector<ObjectId> out = {root};
    const auto items = decode_content(*opener.open(root));
    for (const auto& child : items->children)
      for (const ObjectId& below : tree_objects(child.ref.id)) out.push_back(below);
    return out;
  }
};

TEST_F(ContentTest, SegmentsComeBackInOrder) {
  for (const std::size_t count : {0U, 1U, 2U, 511U, 512U, 513U, 1024U, 1025U, 5000U, 100'000U}) {
    const std::vector<Segment> content = segments(count);
    const Entry entry = build(content);
    EXPECT_EQ(entry.content_root.has_value(), count > kMaxInlineSegments) << count;
    EXPECT_EQ(entry.content_digest, content_digest_of(keys, content));
    EXPECT_TRUE(has_valid_content(entry)) << count;
    const auto got = read(entry);
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(*got, content) << count;
  }
}

TEST_F(ContentTest, TheRootIsTheLowestObjectThatHoldsEverything) {
  // 600 segments none of which ends a leaf.
  std::vector<Segment> content = segments(600, false);
  for (Segment& each : content) each.digest.data[0] = 1;
  const Entry entry = build(content);
  EXPECT_EQ(opener.open(entry.content_root->id)->header.kind, ObjectKind::content_leaf);
  // Two leaves, the first one ended by the last segment but none: no node above the root of two.
  content[299].digest.data[0] = 0;
  const Entry two = build(content);
  const auto items = decode_content(*opener.open(two.content_root->id));
  EXPECT_EQ(items->children.size(), 2U);
  content[299].digest.data[0] = 1;
  content[599].digest.data[0] = 0;
  const Entry at_the_end = build(content);
  EXPECT_EQ(opener.open(at_the_end.content_root->id)->header.kind, ObjectKind::content_leaf);
}

TEST_F(ContentTest, NeighbouringHolesBecomeOne) {
  std::vector<Segment> split;
  for (int i = 0; i < 1000; ++i) split.push_back({.length = 1, .object = {}, .digest = {}});
  const Entry entry = build(split);
  EXPECT_EQ(entry.size, 1000U);
  ASSERT_EQ(entry.segments.size(), 1U);
  EXPECT_EQ(entry.segments[0].length, 1000U);
}

TEST_F(ContentTest, EqualContentMakesEqualTreesWhateverItsHistory) {
  const std::vector<Segment> content = segments(20'000);
  const Entry first = build(content);
  // Elsewhere: sealed in a later epoch, at another level, behind other content, the bytes in a bundle.
  auto ring = testing::test_key_ring(3, 4);
  MemoryObjects other(ring, 19);
  const ObjectRef bundle = *other.put(ObjectKind::bundle, {}, {}, seeded_bytes(9, 3000));
  std::vector<Segment> moved = content;
  for (Segment& each : moved)
    if (each.object) each.object = bundle, each.in_bundle = true;
  build(std::span(moved).first(9000), *ring, other);
  const Entry second = build(moved, *ring, other);
  EXPECT_EQ(second.content_digest, first.content_digest);
  EXPECT_NE(second.content_root->id, first.content_root->id);
  const auto other_opener = ObjectOpener(ring, std::make_shared<MemoryObjects>(ring));
  const auto root = decode_content(*opener.open(first.content_root->id));
  const auto other_root =
      decode_content(*other_opener.open_bytes(second.content_root->id, *other.get(second.content_root->id)));
  ASSERT_EQ(other_root->children.size(), root->children.size());
  for (std::size_t i = 0; i < root->children.size(); ++i)
    EXPECT_EQ(other_root->children[i].digest, root->children[i].digest);
  objects->reset_counts();
  EXPECT_EQ(build(content), first);
  EXPECT_EQ(objects->puts(), 0U) << "all is found";
}

TEST_F(ContentTest, OneSegmentMoreRewritesOnePath) {
  std::vector<Segment> content = segments(100'000);
  build(content);
  for (const std::ptrdiff_t where : {0, 50'000, 100'000}) {
    objects->reset_counts();
    content.insert(content.begin() + where, segment(1'000'000 + static_cast<std::uint64_t>(where)));
    build(content);
    EXPECT_LE(objects->puts(), 5U) << where;
  }
}

TEST_F(ContentTest, ObjectsStayNearTheirTarget) {
  const Entry entry = build(segments(100'000, false));
  const auto ids = tree_objects(entry.content_root->id);
  EXPECT_GT(ids.size(), 300U);
  EXPECT_LT(ids.size(), 500U);
}

TEST_F(ContentTest, RepeatedBoundariesDoNotGrowTheTreeUpwards) {
  // The worst content: every segment says that it ends its leaf, all leaves are equal, and the digest of the leaf may
  // say the same of its node.
  for (std::uint64_t variant = 0; variant < 300; ++variant) {
    Segment boundary = segment(variant);
    boundary.digest.data[0] = 0;
    const std::vector<Segment> content(2000, boundary);
    const Entry entry = build(content);
    EXPECT_LE(entry.content_root->height, 12);
    EXPECT_EQ(*read(entry), content);
  }
}

TEST_F(ContentTest, DamageIsFound) {
  const std::vector<Segment> content = segments(5000);
  const Entry entry = build(content);
  const std::vector<ObjectId> ids = tree_objects(entry.content_root->id);
  for (const ObjectId& id : {ids.front(), ids.back()}) {
    objects->corrupt(id);
    EXPECT_EQ(read_error(entry), ErrorCode::corrupt);
    objects->corrupt(id);
    ASSERT_TRUE(read(entry).has_value());
  }
  Entry wrong = entry;
  wrong.size += 1;
  EXPECT_EQ(read_error(wrong), ErrorCode::corrupt);
  wrong = entry;
  wrong.content_digest.data[5] ^= 1;
  EXPECT_EQ(read_error(wrong), ErrorCode::corrupt);
  wrong = entry;
  wrong.content_root->height += 1;
  EXPECT_EQ(read_error(wrong), ErrorCode::corrupt);
  wrong = entry;
  wrong.content_root = build(segments(5001)).content_root;
  EXPECT_EQ(read_error(wrong), ErrorCode::corrupt);
  wrong.content_root = chunk;
  EXPECT_EQ(read_error(wrong), ErrorCode::corrupt);
  objects->remove(ids.back());
  EXPECT_EQ(read_error(entry), ErrorCode::not_found);
}

TEST_F(ContentTest, AVisitorsErrorEndsTheWalk) {
  const Entry entry = build(segments(5000));
  int visited = 0;
  const auto done = for_each_segment(entry, opener, [&](const Segment&) -> Result<void> {
    if (++visited == 3) return fail(ErrorCode::cancelled, "Stopped.");
    return {};
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::cancelled);
  EXPECT_EQ(visited, 3);
}

TEST_F(ContentTest, ForgedNodesAreRefused) {
  // A member of the space can seal whatever it likes: what objects say must agree all the way down.
  const Entry entry = build(segments(5000));
  const auto root = *decode_content(*opener.open(entry.content_root->id));
  ASSERT_GT(root.children.size(), 3U);
  const auto forged = [&](const char* what, auto change) {
    std::vector<ContentItems::Child> children = root.children;
    std::uint8_t level = 1;
    change(children, level);
    ChildTable table;
    for (const auto& child : children) table.add(child.ref);
    table.freeze();
    Entry other = entry;
    other.content_root = *objects->put(ObjectKind::content_node, keys.content(as_bytes(what)), table,
                                       encode_content_node(level, children, table));
    return read_error(other);
  };
  using Children = std::vector<ContentItems::Child>;
  EXPECT_EQ(forged("unchanged", [](Children&, std::uint8_t&) {}), ErrorCode::usage) << "reads";
  EXPECT_EQ(forged("swapped", [](Children& c, std::uint8_t&) { std::swap(c[0], c[1]); }), ErrorCode::corrupt);
  EXPECT_EQ(forged("bytes", [](Children& c, std::uint8_t&) { ++c[0].bytes; }), ErrorCode::corrupt);
  EXPECT_EQ(forged("digest", [](Children& c, std::uint8_t&) { c[1].digest = {}; }), ErrorCode::corrupt);
  EXPECT_EQ(forged("level", [](Children&, std::uint8_t& level) { level = 2; }), ErrorCode::corrupt);
  EXPECT_EQ(forged("level 0", [](Children&, std::uint8_t& level) { level = 0; }), ErrorCode::corrupt);
  EXPECT_EQ(forged("one child", [](Children& c, std::uint8_t&) { c.resize(1); }), ErrorCode::corrupt);
}

TEST_F(ContentTest, OnePieceBelowARootHasThePiecesDigestToo) {
  // No writer makes such a tree, but readers take it.
  const Segment piece = segment(1);
  ChildTable table;
  table.add(chunk);
  table.freeze();
  const std::vector<Segment> content = {piece};
  Entry entry;
  entry.path = "file";
  entry.size = piece.length;
  entry.content_digest = piece.digest;
  entry.content_root = *objects->put(ObjectKind::content_leaf, content_leaf_digest(keys, content), table,
                                     encode_content_leaf(content, table));
  EXPECT_EQ(read(entry).value(), content);
  CborWriter items;
  items.array(2).uint(piece.length).bytes(piece.digest).uint(1);
  entry.content_digest = keys.content(items.take());
  EXPECT_EQ(read_error(entry), ErrorCode::corrupt);
}

TEST_F(ContentTest, DecoderRefusesWhatTheHeaderDoesNotBind) {
  OpenedObject object;
  object.header.kind = ObjectKind::content_leaf;
  object.header.children = {chunk.id};
  object.header.height = 1;
  ChildTable table;
  table.add(chunk);
  table.freeze();
  object.plaintext = encode_content_leaf(std::vector{segment(1)}, table);
  EXPECT_TRUE(decode_content(object).has_value());
  OpenedObject unused = object;
  unused.header.children.push_back(ObjectId{.data = {0xFF}});
  std::ranges::sort(unused.header.children);
  EXPECT_FALSE(decode_content(unused).has_value());
  OpenedObject high = object;
  high.header.height = 2;
  EXPECT_FALSE(decode_content(high).has_value());
  OpenedObject empty = object;
  empty.header.children.clear();
  empty.header.height = 0;
  empty.plaintext = {0x80};
  EXPECT_FALSE(decode_content(empty).has_value());
  OpenedObject other_kind = object;
  other_kind.header.kind = ObjectKind::chunk;
  EXPECT_FALSE(decode_content(other_kind).has_value());
}

TEST_F(ContentTest, ADictionaryCountsAsUsed) {
  OpenedObject object;
  object.header.kind = ObjectKind::content_leaf;
  const ObjectId dictionary{.data = {0}};
  object.header.children = {dictionary, chunk.id};
  object.header.height = 1;
  object.plaintext = *from_hex(
      "81"
      "84"
      "0a"
      "5820" +
      std::string(64, '0') +
      "01"
      "00");
  EXPECT_FALSE(decode_content(object).has_value());
  object.reference_child = 0;
  EXPECT_TRUE(decode_content(object).has_value());
}

TEST_F(ContentTest, InsertingAByteAtTheHeadOfABigFileStoresLittle) {
  // 64 MiB through the chunker, then the same with one byte more in front.
  const Chunker chunker(keys.chunk_cut_key());
  const auto store = [&](ByteView data) {
    objects->reset_counts();
    ContentBuilder builder(objects->keys(), *objects);
    while (!data.empty()) {
      const ByteView piece = data.first(chunker.next_cut(data));
      data = data.subspan(piece.size());
      const Digest digest = keys.chunk(piece);
      auto ref = objects->find(ObjectKind::chunk, digest);
      if (!ref) ref = *objects->put(ObjectKind::chunk, digest, {}, piece);
      EXPECT_TRUE(builder.add({.length = piece.size(), .object = *ref, .digest = digest}));
    }
    Entry entry;
    entry.path = "big";
    EXPECT_TRUE(builder.finish(entry));
    return entry;
  };
  objects->set_level(1);
  Bytes data = seeded_bytes(77, 64 * 1024 * 1024);
  const Entry before = store(data);
  data.insert(data.begin(), 'x');
  const Entry after = store(data);
  EXPECT_LE(objects->puts(), 6U);
  EXPECT_LE(objects->bytes_put(), 4U * 1024 * 1024);
  EXPECT_EQ(after.size, before.size + 1);
  SegmentReader reader(opener);
  std::size_t at = 0;
  const auto done = for_each_segment(after, opener, [&](const Segment& each) -> Result<void> {
    BEFFROI_TRY(const Bytes bytes, reader.read(each));
    EXPECT_TRUE(std::ranges::equal(bytes, ByteView(data).subspan(at, bytes.size())));
    at += bytes.size();
    return {};
  });
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(at, data.size());
}

TEST_F(ContentTest, AGibibyteStreamsThroughInBoundedMemory) {
  // The same insertion into 1 GiB, made as it is read: only digests are kept, all chunks name one object.
  constexpr std::size_t kFileBytes = 1024UL * 1024 * 1024;
  constexpr std::size_t kPieceBytes = 4 * kChunkMaxBytes;
  const Chunker chunker(keys.chunk_cut_key());
  std::set<Digest> stored;
  std::size_t new_chunks = 0;
  const auto store = [&](Bytes head) {
    crypto::SeededRandom random(78);
    ContentBuilder builder(objects->keys(), *objects);
    Bytes window = std::move(head);
    std::size_t left = kFileBytes;
    while (left > 0 || !window.empty()) {
      const std::size_t held = window.size();
      const std::size_t more = std::min(left, kPieceBytes);
      window.resize(held + more);
      random.fill(std::span(window).subspan(held));
      left -= more;
      ByteView rest(window);
      while (rest.size() >= kChunkMaxBytes || (left == 0 && !rest.empty())) {
        const ByteView piece = rest.first(chunker.next_cut(rest));
        rest = rest.subspan(piece.size());
        const Digest digest = keys.chunk(piece);
        new_chunks += stored.insert(digest).second ? 1 : 0;
        EXPECT_TRUE(builder.add({.length = piece.size(), .object = chunk, .digest = digest}));
      }
      window = to_bytes(rest);
    }
    Entry out;
    out.path = "huge";
    EXPECT_TRUE(builder.finish(out));
    return out;
  };
  const Entry before = store({});
  EXPECT_GT(new_chunks, 5000U);
  new_chunks = 0;
  objects->reset_counts();
  const Entry after = store({'x'});
  EXPECT_EQ(after.size, before.size + 1);
  EXPECT_LE(new_chunks, 4U);
  EXPECT_LE(objects->puts(), 3U) << "one content leaf, and the nodes above it";
}

TEST_F(ContentTest, WrongReferencesToSegmentsAreRefused) {
  const ContentPool chunks(*objects, false);
  const ContentPool slices(*objects, true);
  const auto code = [&](const Segment& each) {
    const auto got = read_segment(each, opener);
    return got ? ErrorCode::usage : got.error().code;
  };
  for (const Segment& good : {chunks.segment(7), slices.segment(7)}) {
    ASSERT_EQ(*read_segment(good, opener), ContentPool::plaintext(7));
    Segment bad = good;
    bad.digest.data[0] ^= 1;
    EXPECT_EQ(code(bad), ErrorCode::corrupt);
    bad = good;
    bad.length -= 1;
    EXPECT_EQ(code(bad), ErrorCode::corrupt);
    bad = good;
    bad.in_bundle = !bad.in_bundle;
    EXPECT_EQ(code(bad), ErrorCode::corrupt) << "the other kind";
    bad = good;
    bad.object->id.data[0] ^= 1;
    EXPECT_EQ(code(bad), ErrorCode::not_found);
  }
  Segment slice = slices.segment(7);
  slice.offset += 1;
  EXPECT_EQ(code(slice), ErrorCode::corrupt);
  slice.offset = kMaxRawBytes;
  EXPECT_EQ(code(slice), ErrorCode::corrupt);
  slice = slices.segment(7);
  slice.length = UINT64_MAX;
  EXPECT_EQ(code(slice), ErrorCode::corrupt);
  objects->corrupt(slices.segment(7).object->id);
  EXPECT_EQ(code(slices.segment(7)), ErrorCode::corrupt);
}

TEST_F(ContentTest, ReaderKeepsTheBundlesUsedLast) {
  std::vector<Segment> first_slices;
  for (std::uint64_t i = 0; i < 9; ++i) {
    OpenBundle bundle;
    const Bytes file = seeded_bytes(i, 500);
    first_slices.push_back(bundle.add(keys.chunk(file), file));
    first_slices.back().object = bundle.seal(objects->keys(), *objects).value();
  }
  SegmentReader reader(opener);
  objects->reset_counts();
  for (int round = 0; round < 5; ++round)
    for (std::size_t i = 0; i < 8; ++i) ASSERT_TRUE(reader.read(first_slices[i]));
  EXPECT_EQ(objects->gets(), 8U);
  ASSERT_TRUE(reader.read(first_slices[0]));
  ASSERT_TRUE(reader.read(first_slices[8]));  // takes the place of 1, the one not used for the longest time
  ASSERT_TRUE(reader.read(first_slices[0]));
  EXPECT_EQ(objects->gets(), 9U);
  ASSERT_TRUE(reader.read(first_slices[1]));
  EXPECT_EQ(objects->gets(), 10U);
}

}  // namespace
}  // namespace beffroi::storage
