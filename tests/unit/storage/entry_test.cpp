// Goal: an entry is written in exactly one way, nothing that breaks its rules is read, and digests of content depend on
// the content alone.
#include "storage/tree/entry.h"

#include <gtest/gtest.h>

#include <set>

#include "storage/tree/tree_format.h"
#include "tests/support/memory_objects.h"

namespace beffroi::storage {
namespace {

using std::string_literals::operator""s;

ObjectRef ref(std::uint8_t byte, std::uint8_t height = 0) {
  ObjectRef out{.id = {}, .height = height};
  out.id.data.fill(byte);
  return out;
}

Digest digest(std::uint8_t byte) {
  Digest out;
  out.data.fill(byte);
  return out;
}

Segment chunk(std::uint64_t length, std::uint8_t byte) {
  return {.length = length, .object = ref(byte), .digest = digest(byte)};
}
Segment slice(std::uint64_t length, std::uint8_t byte, std::uint32_t offset) {
  return {.length = length, .object = ref(byte, 2), .offset = offset, .in_bundle = true, .digest = digest(byte)};
}
Segment hole(std::uint64_t length) { return {.length = length, .object = {}, .digest = {}}; }

Entry small_file() {
  Entry out;
  out.path = "home\0note"s;
  out.mode = 0644;
  out.size = 3;
  out.content_digest = digest(0xBB);
  out.segments = {slice(3, 0xBB, 7)};
  return out;
}

Entry file_of_two_pieces() {
  Entry out = small_file();
  out.size = 5;
  out.content_digest = digest(0xCC);
  out.segments.push_back(chunk(2, 0xAA));
  return out;
}

Entry full_file() {
  Entry out = small_file();
  out.uid = 1000;
  out.gid = UINT32_MAX;
  out.user = "secr\xe9taire";  // not UTF-8
  out.group = "mairie";
  out.mtime_s = -1;
  out.mtime_ns = 999'999'999;
  out.xattrs = {{"system.posix_acl_access", {2, 0}}, {"user.x", {}}};
  out.hard_link = "home\0first"s;
  out.flags = kEntryStale | kEntryChangedWhileRead;
  out.content_digest = digest(0xCC);
  out.segments = {chunk(kMaxRawBytes, 0xAA), hole(1ULL << 40), slice(100, 0xBB, 16), slice(100, 0xBB, 16), hole(1)};
  out.size = kMaxRawBytes + (1ULL << 40) + 201;
  return out;
}

struct Encoded {
  Bytes bytes;
  std::vector<ObjectId> children;
};

Encoded encode(const Entry& entry) {
  ChildTable table;
  collect_children(entry, table);
  table.freeze();
  CborWriter out;
  encode_entry(entry, table, out);
  return {out.take(), table.ids()};
}

std::optional<Entry> decode(const Encoded& encoded) {
  CborReader reader(encoded.bytes);
  Entry out = decode_entry(reader, encoded.children);
  if (!reader.finish()) return std::nullopt;
  return out;
}

TEST(EntryTest, EncodingIsAsDocumented) {
  // Worked bytes: a change of the format must not pass unnoticed.
  const std::string path_and_type = "0049686f6d65006e6f7465" + std::string("0101");
  const std::string mode = "021901a4";
  const std::string content_digest = "105820" + std::string(64, 'c');
  const std::string piece_digest = std::string(64, 'b');
  EXPECT_EQ(to_hex(encode_entry_logical(small_file())), "a5" + path_and_type + mode + "0903" + "105820" + piece_digest);
  // One segment of five items: length, digest, child, height, offset. Size and content digest follow from it.
  const std::string piece = "85035820" + piece_digest + "000207";
  EXPECT_EQ(to_hex(encode(small_file()).bytes), "a4" + path_and_type + mode + "1181" + piece);
  // Two: only the size follows.
  EXPECT_EQ(to_hex(encode_entry_logical(file_of_two_pieces())), "a5" + path_and_type + mode + "0905" + content_digest);
  Encoded two = encode(file_of_two_pieces());
  ASSERT_EQ(two.children, (std::vector{ref(0xAA).id, ref(0xBB).id}));
  EXPECT_EQ(to_hex(two.bytes), "a5" + path_and_type + mode + content_digest + "1182" + "85035820" + piece_digest +
                                   "010207" + "84025820" + std::string(64, 'a') + "0000");
}

TEST(EntryTest, WhatFollowsFromTheSegmentsIsSaidOnce) {
  const std::string path_and_type = "0041610101";
  const std::string size = "0903";
  const std::string piece_digest = "105820" + std::string(64, 'b');
  const std::string other_digest = "105820" + std::string(64, 'c');
  const std::string piece = "118185035820" + std::string(64, 'b') + "000207";
  const std::string three_pieces = "1183" + std::string("8101") + "84015820" + std::string(64, 'b') + "0002" + "8101";
  const std::string hole = "118181" + std::string("03");
  const auto read = [](const std::string& hex) { return decode({*from_hex(hex), {ref(0xBB).id}}); };

  const auto one = read("a3" + path_and_type + piece);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->size, 3U);
  EXPECT_EQ(one->content_digest, digest(0xBB));
  EXPECT_EQ(to_hex(encode(*one).bytes), "a3" + path_and_type + piece);
  EXPECT_EQ(to_hex(encode_entry_logical(*one)), "a4" + path_and_type + size + piece_digest);
  EXPECT_FALSE(read("a4" + path_and_type + size + piece));
  EXPECT_FALSE(read("a4" + path_and_type + piece_digest + piece));
  EXPECT_FALSE(read("a5" + path_and_type + size + piece_digest + piece));
  EXPECT_FALSE(read("a4" + path_and_type + other_digest + piece));
  EXPECT_FALSE(read("a4" + path_and_type + "0904" + piece));

  for (const std::string& content : {three_pieces, hole}) {
    const auto entry = read("a4" + path_and_type + other_digest + content);
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->size, 3U);
    EXPECT_EQ(entry->content_digest, digest(0xCC));
    EXPECT_EQ(to_hex(encode(*entry).bytes), "a4" + path_and_type + other_digest + content);
    EXPECT_FALSE(read("a5" + path_and_type + size + other_digest + content)) << "a size that follows";
    EXPECT_FALSE(read("a3" + path_and_type + content)) << "no digest";
  }
  // Without segments nothing follows.
  EXPECT_TRUE(read("a3" + path_and_type + other_digest)) << "an empty file";
  EXPECT_FALSE(read("a2" + path_and_type));
  EXPECT_TRUE(decode({*from_hex("a5" + path_and_type + size + other_digest + "12820002"), {ref(0xBB).id}}));
  EXPECT_FALSE(decode({*from_hex("a4" + path_and_type + other_digest + "12820002"), {ref(0xBB).id}}));
  EXPECT_FALSE(decode({*from_hex("a4" + path_and_type + size + "12820002"), {ref(0xBB).id}}));
}

TEST(EntryTest, EveryFieldSurvives) {
  Entry huge = small_file();
  huge.segments.clear();
  huge.content_root = ref(7, 3);
  Entry link;
  link.path = "\xff\xfe";
  link.type = EntryType::symlink;
  link.link_target = "/\xff/../..";
  Entry device;
  device.path = "null";
  device.type = EntryType::character_device;
  device.device_major = 1;
  device.device_minor = UINT32_MAX;
  Entry root;
  root.type = EntryType::directory;
  Entry unreadable = small_file();
  unreadable.segments.clear();
  unreadable.content_digest = {};
  unreadable.flags = kEntryUnreadable;
  Entry all_hole = small_file();
  all_hole.segments = {hole(3)};
  for (const Entry& entry :
       {small_file(), file_of_two_pieces(), all_hole, full_file(), huge, link, device, root, unreadable}) {
    EXPECT_EQ(decode(encode(entry)), entry) << to_display_path(entry.path);
    Entry logical = entry;
    logical.segments.clear();
    logical.content_root.reset();
    const auto decoded = decode_entry_logical(encode_entry_logical(entry));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, logical);
  }
}

TEST(EntryTest, LogicalEncodingForgetsWhereTheContentIs) {
  Entry moved = small_file();
  moved.segments = {chunk(3, 0xBB)};
  moved.segments[0].object = ref(0xEE);
  EXPECT_EQ(encode_entry_logical(moved), encode_entry_logical(small_file()));
  EXPECT_NE(encode(moved).bytes, encode(small_file()).bytes);
  EXPECT_FALSE(decode_entry_logical(encode(moved).bytes)) << "content fields have no place in a logical encoding";
}

struct Violation {
  const char* what;
  void (*apply)(Entry&);
};

const std::vector<Violation> kMetadataViolations = {
    {"root that is a file", [](Entry& e) { e.path = ""; }},
    {"leading separator", [](Entry& e) { e.path = "\0a"s; }},
    {"trailing separator", [](Entry& e) { e.path = "a\0"s; }},
    {"empty component", [](Entry& e) { e.path = "a\0\0b"s; }},
    {"dot", [](Entry& e) { e.path = "a\0."s; }},
    {"dot dot", [](Entry& e) { e.path = "..\0b"s; }},
    {"slash", [](Entry& e) { e.path = "a/../../etc"; }},
    {"long path", [](Entry& e) { e.path = std::string(kMaxPathBytes + 1, 'x'); }},
    {"type 0", [](Entry& e) { e.type = static_cast<EntryType>(0); }},
    {"type 7", [](Entry& e) { e.type = static_cast<EntryType>(7); }},
    {"mode bits", [](Entry& e) { e.mode = 010000; }},
    {"nanoseconds", [](Entry& e) { e.mtime_ns = 1'000'000'000; }},
    {"user with a zero", [](Entry& e) { e.user = "ro\0ot"s; }},
    {"long group", [](Entry& e) { e.group = std::string(kMaxOwnerNameBytes + 1, 'g'); }},
    {"unsorted xattrs", [](Entry& e) { e.xattrs = {{"user.b", {}}, {"user.a", {}}}; }},
    {"repeated xattr", [](Entry& e) { e.xattrs = {{"user.a", {}}, {"user.a", {1}}}; }},
    {"xattr without a name", [](Entry& e) { e.xattrs = {{"", {}}}; }},
    {"xattr name with a zero", [](Entry& e) { e.xattrs = {{"a\0b"s, {}}}; }},
    {"long xattr name", [](Entry& e) { e.xattrs = {{std::string(256, 'a'), {}}}; }},
    {"long xattr value", [](Entry& e) { e.xattrs = {{"a", Bytes(kMaxXattrValueBytes + 1)}}; }},
    {"too many xattrs",
     [](Entry& e) {
       for (int i = 0; i < 1025; ++i) e.xattrs.push_back({std::to_string(10'000 + i), {}});
     }},
    {"too many bytes of xattrs",
     [](Entry& e) {
       for (char i = 0; i < 9; ++i) e.xattrs.push_back({std::string(1, static_cast<char>('a' + i)), Bytes(60'000)});
     }},
    {"target of a file", [](Entry& e) { e.link_target = "x"; }},
    {"device number of a file", [](Entry& e) { e.device_minor = 1; }},
    {"hard link that escapes", [](Entry& e) { e.hard_link = "..\0x"s; }},
    {"unknown flag", [](Entry& e) { e.flags = 8; }},
    {"file without a content digest",
     [](Entry& e) {
       e = file_of_two_pieces();
       e.content_digest = {};
     }},
    {"piece with a zero digest", [](Entry& e) { e.segments[0].digest = e.content_digest = {}; }},
    {"content digest of an unreadable file", [](Entry& e) { e.flags = kEntryUnreadable, e.segments.clear(); }},
    {"fifo with a size", [](Entry& e) { e.type = EntryType::fifo, e.segments.clear(), e.content_digest = {}; }},
    {"directory with a hard link",
     [](Entry& e) {
       e.type = EntryType::directory, e.size = 0, e.segments.clear(), e.content_digest = {};
       e.hard_link = "x";
     }},
    {"symlink without a target",
     [](Entry& e) { e.type = EntryType::symlink, e.size = 0, e.segments.clear(), e.content_digest = {}; }},
    {"symlink target with a zero",
     [](Entry& e) {
       e.type = EntryType::symlink, e.size = 0, e.segments.clear(), e.content_digest = {};
       e.link_target = "a\0b"s;
     }},
};

const std::vector<Violation> kContentViolations = {
    {"no segments", [](Entry& e) { e.segments.clear(); }},
    {"segments and a root", [](Entry& e) { e.content_root = ref(1, 1); }},
    {"root of nothing", [](Entry& e) { e.segments.clear(), e.content_root = ref(1, 1), e.size = 0; }},
    {"root too high", [](Entry& e) { e.segments.clear(), e.content_root = ref(1, kMaxHeight); }},
    {"empty segment", [](Entry& e) { e.segments = {slice(3, 1, 0), slice(0, 1, 0)}; }},
    {"neighbouring holes", [](Entry& e) { e.segments = {hole(1), hole(2)}; }},
    {"chunk too long", [](Entry& e) { e.segments = {chunk(kMaxRawBytes + 1, 0xBB)}, e.size = kMaxRawBytes + 1; }},
    {"slice behind any bundle", [](Entry& e) { e.segments = {slice(3, 0xBB, kMaxRawBytes - 2)}; }},
    {"chunk too high", [](Entry& e) { e.segments = {chunk(3, 0xBB)}, e.segments[0].object->height = kMaxHeight; }},
    {"sum beyond 2^63",
     [](Entry& e) { e.segments = {hole(INT64_MAX), chunk(1, 1)}, e.size = static_cast<std::uint64_t>(INT64_MAX) + 1; }},
    {"too many segments",
     [](Entry& e) { e.segments.assign(kMaxInlineSegments + 1, chunk(1, 1)), e.size = kMaxInlineSegments + 1; }},
    {"content of a directory", [](Entry& e) { e.type = EntryType::directory, e.size = 0, e.content_digest = {}; }},
};

// What an encoding has no place for, so that only a writer must be kept from it.
const std::vector<Violation> kContradictions = {
    {"size is not the sum", [](Entry& e) { e.size = 4; }},
    {"size of two is not the sum", [](Entry& e) { e = file_of_two_pieces(), ++e.size; }},
    {"another digest than that of the only piece", [](Entry& e) { e.content_digest = digest(0xCC); }},
};

TEST(EntryTest, NothingThatBreaksTheRulesIsRead) {
  ASSERT_TRUE(decode(encode(small_file())).has_value());
  for (const auto* violations : {&kMetadataViolations, &kContentViolations}) {
    for (const Violation& violation : *violations) {
      Entry entry = small_file();
      violation.apply(entry);
      EXPECT_FALSE(has_valid_metadata(entry) && has_valid_content(entry)) << violation.what;
      EXPECT_FALSE(decode(encode(entry)).has_value()) << violation.what;
    }
  }
  for (const Violation& violation : kMetadataViolations) {
    Entry entry = small_file();
    violation.apply(entry);
    EXPECT_FALSE(has_valid_metadata(entry)) << violation.what;
    EXPECT_FALSE(decode_entry_logical(encode_entry_logical(entry))) << violation.what;
  }
  for (const Violation& violation : kContradictions) {
    Entry entry = small_file();
    violation.apply(entry);
    EXPECT_FALSE(has_valid_content(entry)) << violation.what;
  }
}

TEST(EntryTest, OnlyTheCanonicalFormIsRead) {
  const std::string path = "004161";
  const std::string type = "0101";
  const std::string digest_field = "105820" + std::string(64, 'c');
  const auto reads = [](const std::string& hex) { return decode_entry_logical(*from_hex(hex)).has_value(); };
  ASSERT_TRUE(reads("a3" + path + type + digest_field));
  EXPECT_FALSE(reads("a4" + path + type + "0200" + digest_field)) << "mode 0 is left out";
  EXPECT_FALSE(reads("a4" + path + type + "0540" + digest_field)) << "an empty user is left out";
  EXPECT_FALSE(reads("a4" + path + type + "0a80" + digest_field)) << "no xattrs are left out";
  EXPECT_FALSE(reads("a3" + type + path + digest_field)) << "keys ascend";
  EXPECT_FALSE(reads("a2" + type + digest_field)) << "a path is needed";
  EXPECT_FALSE(reads("a2" + path + digest_field)) << "a type is needed";
  EXPECT_FALSE(reads("a4" + path + type + digest_field + "1301")) << "unknown key";
  EXPECT_FALSE(reads("a3006161" + type + digest_field)) << "a path is bytes, not text";
  EXPECT_FALSE(reads("a3" + path + type + digest_field + "00")) << "trailing byte";
  EXPECT_FALSE(reads("a4" + path + type + digest_field + "1180")) << "segments, even none";
}

TEST(EntryTest, AReferenceBeyondTheChildrenIsRefused) {
  Encoded encoded = encode(full_file());
  ASSERT_EQ(encoded.children.size(), 2U);
  encoded.children.pop_back();
  EXPECT_FALSE(decode(encoded).has_value());
}

TEST(EntryTest, TheLargestEntryFitsALeaf) {
  Entry entry;
  entry.path = std::string(kMaxPathBytes, 'p');
  entry.type = EntryType::symlink;
  entry.hard_link = std::string(kMaxPathBytes, 'h');
  entry.link_target = std::string(kMaxPathBytes, 't');
  entry.user = entry.group = std::string(kMaxOwnerNameBytes, 'u');
  const std::size_t value = kMaxXattrsBytes / kMaxXattrs - 255;
  for (std::size_t i = 0; i < kMaxXattrs; ++i)
    entry.xattrs.push_back({std::to_string(10'000 + i) + std::string(250, 'n'), Bytes(value)});
  ASSERT_TRUE(has_valid_metadata(entry));
  EXPECT_EQ(decode(encode(entry)), entry);
  EXPECT_LT(encode_entry_logical(entry).size(), kMaxTreeObjectLogicalBytes);
}

TEST(EntryPathTest, PathsConvertThereAndBack) {
  EXPECT_EQ(to_entry_path("/a//b/"), "a\0b"s);
  EXPECT_EQ(to_entry_path("./a/./b/."), "a\0b"s);
  EXPECT_EQ(to_entry_path("/"), "");
  EXPECT_EQ(to_entry_path(""), "");
  EXPECT_EQ(to_entry_path("a/../b"), "a\0..\0b"s);
  EXPECT_EQ(to_display_path(""), "/");
  EXPECT_EQ(to_display_path("a\0b c"s), "/a/b c");
  EXPECT_EQ(to_entry_path(to_display_path("x\0\xff\0\n"s)), "x\0\xff\0\n"s);
  EXPECT_FALSE(is_valid_path(to_entry_path("a/../b")));
  EXPECT_TRUE(is_valid_path("...\0.a\0\x01"s));
}

TEST(EntryPathTest, BelowMeansWholeComponents) {
  EXPECT_TRUE(is_at_or_below("a", "a"));
  EXPECT_TRUE(is_at_or_below("a\0b"s, "a"));
  EXPECT_TRUE(is_at_or_below("a", ""));
  EXPECT_TRUE(is_at_or_below("", ""));
  EXPECT_FALSE(is_at_or_below("ab", "a"));
  EXPECT_FALSE(is_at_or_below("a.txt", "a"));
  EXPECT_FALSE(is_at_or_below("a", "a\0b"s));
}

TEST(ContentDigestTest, DependsOnTheContentAlone) {
  const auto ring = testing::test_key_ring(1);
  const DigestKeys& keys = ring->digests();
  const auto of = [&](const std::vector<Segment>& segments) { return content_digest_of(keys, segments); };
  const Digest base = of({chunk(9, 1), hole(5), chunk(7, 2)});
  Segment elsewhere = slice(9, 1, 3);
  elsewhere.object = ref(0x77, 5);
  EXPECT_EQ(of({elsewhere, hole(5), chunk(7, 2)}), base);
  EXPECT_EQ(of({chunk(9, 1), hole(2), hole(3), chunk(7, 2)}), base) << "neighbouring holes are one";
  EXPECT_NE(of({chunk(9, 1), hole(6), chunk(7, 2)}), base);
  EXPECT_NE(of({chunk(7, 2), hole(5), chunk(9, 1)}), base);
  EXPECT_NE(of({chunk(9, 1), hole(5)}), base);
  EXPECT_NE(of({chunk(9, 1), hole(5), chunk(7, 2), hole(1)}), base);
  EXPECT_NE(of({}), of({hole(1)}));
  EXPECT_NE(content_digest_of(testing::test_key_ring(2)->digests(), {}), of({}));
}

TEST(ContentDigestTest, OfOnePieceIsThatOfThePiece) {
  const auto ring = testing::test_key_ring(1);
  const DigestKeys& keys = ring->digests();
  const Bytes content = testing::seeded_bytes(1, 9);
  Segment piece = chunk(9, 1);
  piece.digest = keys.chunk(content);
  const auto incremental = [&](const std::vector<Segment>& segments) {
    ContentDigester digester(keys);
    for (const Segment& segment : segments) digester.add(segment);
    return digester.finish();
  };
  Segment elsewhere = slice(9, 2, 3);
  elsewhere.digest = piece.digest;
  for (const Segment& each : {piece, elsewhere}) {
    EXPECT_EQ(content_digest_of(keys, std::span(&each, 1)), keys.chunk(content));
    EXPECT_EQ(incremental({each}), keys.chunk(content));
  }
  std::set<Digest> digests = {piece.digest};
  const std::vector<std::vector<Segment>> others = {
      {}, {hole(9)}, {piece, piece}, {piece, hole(1)}, {hole(1), piece}, {piece, chunk(9, 2)}, {piece, piece, piece}};
  for (const auto& segments : others) {
    EXPECT_TRUE(digests.insert(content_digest_of(keys, segments)).second);
    EXPECT_EQ(incremental(segments), content_digest_of(keys, segments));
  }
}

TEST(ContentDigestTest, IncrementalFormIsTheDocumentedHash) {
  const auto ring = testing::test_key_ring(1);
  const std::vector<Segment> segments = {hole(1), hole(1), chunk(9, 1), hole(1000)};
  ContentDigester digester(ring->digests());
  for (const Segment& segment : segments) digester.add(segment);
  const Digest incremental = digester.finish();
  EXPECT_EQ(incremental, content_digest_of(ring->digests(), segments));
  CborWriter expected;
  expected.array(2).uint(2).null();
  expected.array(2).uint(9).bytes(digest(1));
  expected.array(2).uint(1000).null();
  expected.uint(3);
  EXPECT_EQ(incremental, ring->digests().content(expected.take()));
}

}  // namespace
}  // namespace beffroi::storage
