// Goal: an object's header and length say what they must and nothing else, without any key.
#include "storage/format/object.h"

#include <gtest/gtest.h>

#include "tests/support/memory_objects.h"

namespace beffroi::storage {
namespace {

using testing::seeded_bytes;

std::vector<ObjectId> ascending_ids(std::size_t count) {
  std::vector<ObjectId> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].data[0] = static_cast<std::uint8_t>(i >> 8);
    out[i].data[1] = static_cast<std::uint8_t>(i);
  }
  return out;
}

ObjectHeader header_with(std::size_t children) {
  ObjectHeader out{
      .kind = ObjectKind::node, .space = {}, .epoch = Epoch{0x01020304}, .children = ascending_ids(children)};
  out.space.data.fill(0xAB);
  out.height = children == 0 ? 0 : 64;
  return out;
}

Bytes encoded(const ObjectHeader& header) {
  Bytes out;
  encode_header(header, out);
  return out;
}

std::string repeated(const char* byte) {
  std::string out;
  for (int i = 0; i < 32; ++i) out += byte;
  return out;
}

ErrorCode error_of(const Result<ObjectHeader>& result) { return result ? ErrorCode::usage : result.error().code; }

// The definition, in floating-point-free words: the smallest length of the form that Padmé allows.
bool is_padme(std::size_t length) {
  int exponent = 0;
  while ((length >> exponent) > 1) ++exponent;
  int exponent_bits = 0;
  while ((exponent >> exponent_bits) > 0) ++exponent_bits;
  const int zero_bits = exponent - exponent_bits;
  return zero_bits <= 0 || length % (std::size_t{1} << zero_bits) == 0;
}

TEST(ObjectTest, HeaderBytesAreAsDocumented) {
  ObjectHeader header = header_with(1);
  header.children[0].data.fill(0xCD);
  EXPECT_EQ(to_hex(encoded(header)),
            "01"
            "04"
            "40"
            "00"
            "04030201" +
                repeated("ab") +
                "0100"
                "0000" +
                repeated("cd"));
}

TEST(ObjectTest, HeadersOfAllSizesComeBack) {
  for (const std::size_t children : {0UL, 1UL, 2UL, 255UL, 256UL, 4096UL}) {
    const ObjectHeader header = header_with(children);
    Bytes bytes = encoded(header);
    EXPECT_EQ(bytes.size(), header.encoded_size());
    bytes.push_back(0x55);  // what follows the header is not its business
    const auto decoded = decode_header(bytes);
    ASSERT_TRUE(decoded.has_value()) << children;
    EXPECT_EQ(encoded(*decoded), encoded(header));
    EXPECT_EQ(decoded->children, header.children);
    EXPECT_EQ(decoded->epoch, header.epoch);
    EXPECT_EQ(decoded->height, header.height);
  }
}

TEST(ObjectTest, MoreThan4096ChildrenAreRefused) {
  Bytes bytes = encoded(header_with(4096));
  bytes[40] = 1;  // 4097, little-endian
  ObjectId last;
  last.data.fill(0xFF);
  bytes.insert(bytes.end(), last.data.begin(), last.data.end());
  EXPECT_EQ(error_of(decode_header(bytes)), ErrorCode::corrupt);
}

TEST(ObjectTest, EveryTruncatedHeaderIsRefused) {
  const Bytes bytes = encoded(header_with(3));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(error_of(decode_header(ByteView(bytes).first(size))), ErrorCode::corrupt) << size;
}

TEST(ObjectTest, WhateverHeaderIsAcceptedIsTheOneThatIsWritten) {
  // Damage one byte at a time in every way: either it is refused, or writing the result gives the damaged bytes.
  const Bytes bytes = encoded(header_with(2));
  int accepted = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes damaged = bytes;
      damaged[at] = static_cast<std::uint8_t>(value);
      const auto decoded = decode_header(damaged);
      if (!decoded) continue;
      ++accepted;
      damaged.resize(decoded->encoded_size());  // one child fewer: the rest is not the header's
      ASSERT_EQ(encoded(*decoded), damaged) << at;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(ObjectTest, OnlyPaddedLengthsPassTheCheck) {
  const Bytes clear = encoded(header_with(0));
  for (std::size_t payload = 0; payload <= 20000; ++payload) {
    Bytes object = clear;
    object.resize(clear.size() + 40 + payload);
    const bool expected = payload >= 256 && payload % 256 == 0 && is_padme(payload);
    ASSERT_EQ(check_object(object).has_value(), expected) << payload;
  }
  Bytes longest = clear;
  longest.resize(clear.size() + 40 + kMaxPayloadBytes);
  EXPECT_TRUE(check_object(longest).has_value());
  longest.resize(clear.size() + 40 + padded_length(kMaxPayloadBytes + 1));
  EXPECT_EQ(error_of(check_object(longest)), ErrorCode::corrupt);
  EXPECT_EQ(error_of(check_object(ByteView(longest).first(clear.size() + 39))), ErrorCode::corrupt);
}

TEST(ObjectTest, PaddedLengthIsTheSmallestAllowedAndIdempotent) {
  std::size_t expected = 256;
  for (std::size_t length = 0; length <= 300'000; ++length) {
    while (expected < length || expected % 256 != 0 || !is_padme(expected)) ++expected;
    ASSERT_EQ(padded_length(length), expected) << length;
    ASSERT_EQ(padded_length(expected), expected);
  }
}

TEST(ObjectTest, PaddingCostsAtMostTwelvePercent) {
  for (std::size_t length = 4096; length <= kMaxRawBytes; length += 997)
    ASSERT_LE(padded_length(length) * 100, length * 112) << length;
}

TEST(ObjectTest, TheLongestObjectFitsItsBounds) {
  EXPECT_EQ(padded_length(12 + kMaxRawBytes), kMaxPayloadBytes);
  EXPECT_LE(44 + 32 * kMaxChildren + kMaxPayloadBytes + 40, kMaxObjectBytes);
}

TEST(ObjectTest, IdCoversEveryByte) {
  Bytes object = seeded_bytes(1, 400);
  const ObjectId id = object_id(object);
  for (auto& byte : object) {
    byte ^= 0x80;
    EXPECT_NE(object_id(object), id);
    byte ^= 0x80;
  }
  EXPECT_EQ(object_id(object), id);
}

TEST(ChildTableTest, SortsAndDropsRepeats) {
  const auto ids = ascending_ids(3);
  ChildTable table;
  table.add({ids[2], 4});
  table.add({ids[0], 0});
  table.add({ids[2], 4});
  table.add({ids[1], 2});
  table.freeze();
  EXPECT_EQ(table.ids(), ids);
  EXPECT_EQ(table.index_of(ids[2]), 2);
  EXPECT_EQ(table.index_of(ids[0]), 0);
  EXPECT_EQ(table.parent_height(), 5);
}

TEST(ChildTableTest, AnEmptyTableNeedsNoFreezing) {
  const ChildTable table;
  EXPECT_EQ(table.parent_height(), 0);
  EXPECT_EQ(table.size(), 0U);
}

TEST(ChildTableDeathTest, MisuseIsCaught) {
  const auto ids = ascending_ids(2);
  ChildTable table;
  table.add({ids[0], 0});
  EXPECT_DEATH(table.index_of(ids[0]), "");  // not frozen
  table.freeze();
  EXPECT_DEATH(table.index_of(ids[1]), "");
  ChildTable high;
  high.add({ids[0], kMaxHeight});
  high.freeze();
  EXPECT_DEATH(high.parent_height(), "");
}

}  // namespace
}  // namespace beffroi::storage
