// Goal: the CBOR reader accepts exactly what the writer writes, is bounded on hostile input, and agrees with an
// independent implementation (libcbor) wherever both accept.
#include "storage/format/cbor.h"

#include <cbor.h>
#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/cbor_copy.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::copy_cbor;

Bytes hex(const char* text) { return *from_hex(text); }

// Parses with libcbor and writes again; nullopt when libcbor refuses or does not take all of the input.
std::optional<Bytes> copy_by_libcbor(const Bytes& input) {
  cbor_load_result outcome;
  cbor_item_t* item = cbor_load(input.data(), input.size(), &outcome);
  if (item == nullptr) return std::nullopt;
  unsigned char* buffer = nullptr;
  std::size_t capacity = 0;
  const std::size_t size = cbor_serialize_alloc(item, &buffer, &capacity);
  cbor_decref(&item);
  std::optional<Bytes> out;
  if (outcome.read == input.size()) out = Bytes(buffer, buffer + size);
  std::free(buffer);
  return out;
}

// One item of any kind. Values are near the limits of the head's sizes, where mistakes live.
void write_random_item(CborWriter& out, crypto::Random& random, int depth) {
  const std::uint64_t value = random.below(UINT64_MAX) >> random.below(64);
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      out.uint(value);
      return;
    case 1:
      out.integer(-1 - static_cast<std::int64_t>(value >> 1));
      return;
    case 2: {
      Bytes bytes(random.below(300));
      random.fill(bytes);
      out.bytes(bytes);
      return;
    }
    case 3:
      out.text(std::string(random.below(40), 'a') + "é€𝄞");
      return;
    case 4:
      out.boolean(random.below(2) == 1);
      return;
    case 5:
      out.null();
      return;
    case 6: {
      const std::size_t items = random.below(30);
      out.array(items);
      for (std::size_t i = 0; i < items; ++i) write_random_item(out, random, depth - 1);
      return;
    }
    default: {
      const std::size_t pairs = random.below(30);
      out.map(pairs);
      std::uint64_t key = 0;
      for (std::size_t i = 0; i < pairs; ++i) {
        key += 1 + random.below(200);
        out.key(key);
        write_random_item(out, random, depth - 1);
      }
    }
  }
}

TEST(CborTest, WritesTheBytesOfTheStandard) {
  // RFC 8949, appendix A, as far as the subset goes.
  EXPECT_EQ(CborWriter().uint(23).take(), hex("17"));
  EXPECT_EQ(CborWriter().uint(24).take(), hex("1818"));
  EXPECT_EQ(CborWriter().uint(1000).take(), hex("1903e8"));
  EXPECT_EQ(CborWriter().uint(1000000).take(), hex("1a000f4240"));
  EXPECT_EQ(CborWriter().uint(1000000000000).take(), hex("1b000000e8d4a51000"));
  EXPECT_EQ(CborWriter().uint(UINT64_MAX).take(), hex("1bffffffffffffffff"));
  EXPECT_EQ(CborWriter().integer(-1).take(), hex("20"));
  EXPECT_EQ(CborWriter().integer(-1000).take(), hex("3903e7"));
  EXPECT_EQ(CborWriter().integer(INT64_MIN).take(), hex("3b7fffffffffffffff"));
  EXPECT_EQ(CborWriter().integer(INT64_MAX).take(), hex("1b7fffffffffffffff"));
  EXPECT_EQ(CborWriter().bytes(hex("01020304")).take(), hex("4401020304"));
  EXPECT_EQ(CborWriter().text("ü").take(), hex("62c3bc"));
  EXPECT_EQ(CborWriter().array(3).uint(1).uint(2).uint(3).take(), hex("83010203"));
  EXPECT_EQ(CborWriter().map(2).key(1).uint(2).key(3).uint(4).take(), hex("a201020304"));
  EXPECT_EQ(CborWriter().array(3).boolean(false).boolean(true).null().take(), hex("83f4f5f6"));
}

TEST(CborTest, VectorsAreAcceptedAndRefusedAsListed) {
  const auto vectors = read_vectors("storage/cbor.json");
  ASSERT_GT(vectors.at("accept").size(), 20U);
  ASSERT_GT(vectors.at("reject").size(), 50U);
  for (const auto& vector : vectors.at("accept")) {
    const Bytes input = hex_of(vector, "hex");
    EXPECT_EQ(copy_cbor(input), input) << vector;
    CborReader skipping(input);
    EXPECT_EQ(to_bytes(skipping.encoded()), input) << vector;
    EXPECT_TRUE(skipping.finish()) << vector;
    EXPECT_EQ(copy_by_libcbor(input), input) << vector;
  }
  for (const auto& vector : vectors.at("reject")) {
    const Bytes input = hex_of(vector, "hex");
    EXPECT_EQ(copy_cbor(input), std::nullopt) << vector;
    CborReader skipping(input);
    skipping.encoded();
    EXPECT_FALSE(skipping.finish()) << vector;
  }
}

TEST(CborTest, RandomItemsComeBackAndLibcborAgrees) {
  crypto::SeededRandom random(1);
  for (int round = 0; round < 300; ++round) {
    CborWriter writer;
    write_random_item(writer, random, 3);
    const Bytes written = writer.take();
    ASSERT_EQ(copy_cbor(written), written) << "round " << round;
    ASSERT_EQ(copy_by_libcbor(written), written) << "round " << round;
  }
}

TEST(CborTest, WhateverIsAcceptedAfterDamageIsStillCanonical) {
  // Flipped, inserted and dropped bytes: the reader may accept the result, but then the writer writes exactly that, and
  // libcbor must read it too.
  crypto::SeededRandom random(2);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    CborWriter writer;
    write_random_item(writer, random, 2);
    Bytes damaged = writer.take();
    damaged.resize(std::min<std::size_t>(damaged.size(), 200));
    for (std::uint64_t i = random.below(3); i > 0 && !damaged.empty(); --i) {
      const auto at = static_cast<std::ptrdiff_t>(random.below(damaged.size()));
      if (random.below(4) == 0)
        damaged.erase(damaged.begin() + at);
      else
        damaged[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random.below(256));
    }
    const auto copy = copy_cbor(damaged);
    if (!copy) continue;
    ++accepted;
    ASSERT_EQ(*copy, damaged) << to_hex(damaged);
    ASSERT_EQ(copy_by_libcbor(damaged), damaged) << to_hex(damaged);
  }
  EXPECT_GT(accepted, 1000);
}

TEST(CborTest, EveryTruncationAndExtensionIsRefused) {
  crypto::SeededRandom random(3);
  CborWriter writer;
  writer.array(3);
  for (int i = 0; i < 3; ++i) write_random_item(writer, random, 2);
  Bytes input = writer.take();
  for (std::size_t size = 0; size < input.size(); ++size)
    ASSERT_EQ(copy_cbor(ByteView(input).first(size)), std::nullopt) << size;
  input.push_back(0);
  EXPECT_EQ(copy_cbor(input), std::nullopt);
}

TEST(CborTest, DepthIsBoundedWithoutRecursion) {
  const auto nested = [](std::size_t depth) {
    Bytes out(depth, 0x81);
    out.push_back(0);
    return out;
  };
  EXPECT_TRUE(copy_cbor(nested(8)).has_value());
  EXPECT_FALSE(copy_cbor(nested(9)).has_value());
  EXPECT_TRUE(copy_cbor(nested(9), {.max_depth = 9}).has_value());
  const Bytes deep = nested(2'000'000);
  CborReader refusing(deep);
  refusing.encoded();
  EXPECT_TRUE(refusing.failed());
  // Even a limit that lets it through costs no stack.
  CborReader skipping(deep, {.max_depth = deep.size()});
  EXPECT_EQ(skipping.encoded().size(), deep.size());
  EXPECT_TRUE(skipping.finish());
}

TEST(CborTest, DepthCountsWhatIsAlreadyOpen) {
  const Bytes input = hex("82818181010a");  // [[[[1]]], 10]
  CborReader reader(input, {.max_depth = 3});
  EXPECT_EQ(reader.array(), 2U);
  EXPECT_TRUE(reader.encoded().empty());
  EXPECT_TRUE(reader.failed());
}

TEST(CborTest, CountsAreCheckedAgainstTheBytesLeft) {
  const Bytes huge_array = hex("9bffffffffffffffff");
  CborReader array(huge_array);
  EXPECT_EQ(array.array(), 0U);
  EXPECT_TRUE(array.failed());
  const Bytes huge_map = hex("bb7fffffffffffffff");
  CborReader map(huge_map);
  EXPECT_EQ(map.map(), 0U);
  EXPECT_TRUE(map.failed());
  const Bytes two_pairs_in_three_bytes = hex("a2010203");
  CborReader short_map(two_pairs_in_three_bytes);
  EXPECT_EQ(short_map.map(), 0U);
  EXPECT_TRUE(short_map.failed());
  const Bytes long_string = hex("5b00000000ffffffff00");
  CborReader string(long_string);
  EXPECT_TRUE(string.bytes().empty());
  EXPECT_TRUE(string.failed());
}

TEST(CborTest, CallersBoundsAreKept) {
  const Bytes number = hex("1864");
  EXPECT_EQ(CborReader(number).uint(100), 100U);
  CborReader too_large(number);
  EXPECT_EQ(too_large.uint(99), 0U);
  EXPECT_TRUE(too_large.failed());
  const Bytes text = hex("63616263");
  EXPECT_EQ(CborReader(text).text(3), "abc");
  CborReader too_long(text);
  EXPECT_EQ(too_long.text(2), "");
  EXPECT_TRUE(too_long.failed());
  CborReader limited(text, {.max_string_bytes = 2});
  EXPECT_EQ(limited.text(), "");
  EXPECT_TRUE(limited.failed());
  const Bytes array = hex("820102");
  CborReader too_many(array);
  EXPECT_EQ(too_many.array(1), 0U);
  EXPECT_TRUE(too_many.failed());
  CborReader wrong_count(array);
  wrong_count.array_of(3);
  EXPECT_TRUE(wrong_count.failed());
  const Bytes most_negative_but_one = hex("3b8000000000000000");
  CborReader below_int64(most_negative_but_one);
  EXPECT_EQ(below_int64.integer(), 0);
  EXPECT_TRUE(below_int64.failed());
}

TEST(CborTest, AFailureSticks) {
  const Bytes input = hex("83617801f5");
  CborReader reader(input);
  EXPECT_EQ(reader.array(), 3U);
  EXPECT_EQ(reader.uint(), 0U);  // it is a text
  EXPECT_TRUE(reader.failed());
  const std::size_t position = reader.position();
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.uint(), 0U);
  EXPECT_FALSE(reader.boolean());
  EXPECT_FALSE(reader.try_null());
  EXPECT_EQ(reader.array(), 0U);
  reader.leave();
  EXPECT_TRUE(reader.encoded().empty());
  EXPECT_EQ(reader.position(), position);
  EXPECT_FALSE(reader.finish());
}

TEST(CborTest, AllItemsMustBeReadAndAllFramesLeft) {
  const Bytes input = hex("820102");
  CborReader early(input);
  early.array();
  early.uint();
  early.leave();
  EXPECT_TRUE(early.failed());
  CborReader open(input);
  open.array();
  open.uint();
  open.uint();
  EXPECT_FALSE(open.finish());
  open.leave();
  EXPECT_TRUE(open.finish());
  CborReader beyond(input);
  beyond.array();
  for (int i = 0; i < 3; ++i) beyond.uint();
  EXPECT_TRUE(beyond.failed());
}

TEST(CborTest, NullIsConsumedOnlyWhenItIsThere) {
  const Bytes input = hex("82f605");
  CborReader reader(input);
  reader.array_of(2);
  EXPECT_TRUE(reader.try_null());
  EXPECT_FALSE(reader.try_null());
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(reader.uint(), 5U);
  reader.leave();
  EXPECT_TRUE(reader.finish());
}

TEST(CborTest, FixedBytesHaveExactlyTheirSize) {
  using Four = FixedBytes<4, struct FourTag>;
  const Bytes right = hex("4401020304");
  EXPECT_EQ(CborReader(right).fixed<Four>().hex(), "01020304");
  for (const char* wrong : {"43010203", "450102030405", "01"}) {
    const Bytes input = hex(wrong);
    CborReader reader(input);
    EXPECT_TRUE(reader.fixed<Four>().is_zero());
    EXPECT_TRUE(reader.failed()) << wrong;
  }
}

TEST(CborTest, EncodedItemsAreCopiedWhole) {
  const Bytes item = CborWriter().map(1).key(7).array(2).uint(1).text("x").take();
  const Bytes whole = CborWriter().array(2).encoded(item).uint(9).take();
  CborReader reader(whole);
  reader.array_of(2);
  EXPECT_EQ(to_bytes(reader.encoded()), item);
  EXPECT_EQ(reader.uint(), 9U);
  reader.leave();
  EXPECT_TRUE(reader.finish());
}

using CborDeathTest = ::testing::Test;

TEST(CborDeathTest, TheWriterAssertsWhatTheReaderWouldRefuse) {
  EXPECT_DEATH(CborWriter().array(2).uint(1).take(), "");
  EXPECT_DEATH(CborWriter().map(2).key(2).uint(0).key(2), "");
  EXPECT_DEATH(CborWriter().map(1).uint(1), "");
  EXPECT_DEATH(CborWriter().array(1).key(1), "");
  EXPECT_DEATH(CborWriter().text("\xff"), "");
}

}  // namespace
}  // namespace beffroi::storage
