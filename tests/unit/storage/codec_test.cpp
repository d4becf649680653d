// Goal: what any encoder makes decodes to the same bytes; what is malformed is refused with its error and in bounded
// memory.
#include "storage/format/codec.h"

#include <gtest/gtest.h>

#include "tests/support/memory_objects.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::seeded_bytes;

// Sentences of a small vocabulary: compresses like office text.
Bytes seeded_text(std::uint64_t seed, std::size_t size) {
  crypto::SeededRandom random(seed);
  Bytes out;
  while (out.size() < size) {
    const std::string word = "mot" + std::to_string(random.below(2000)) + (random.below(12) == 0 ? ".\n" : " ");
    out.insert(out.end(), word.begin(), word.end());
  }
  out.resize(size);
  return out;
}

Bytes decoded(const EncodedPayload& payload, ByteView reference = {}) {
  const auto view = parse_payload(payload.bytes);
  EXPECT_TRUE(view.has_value());
  EXPECT_EQ(view->codec, payload.codec);
  const auto out = decode_payload(*view, reference);
  EXPECT_TRUE(out.has_value());
  return out.value_or(Bytes{});
}

TEST(CodecTest, VectorsDecodeOrFailAsListed) {
  const auto vectors = read_vectors("storage/payloads.json");
  ASSERT_GT(vectors.size(), 30U);
  for (const auto& vector : vectors) {
    const Bytes payload = hex_of(vector, "payload");
    const Bytes reference = hex_of(vector, "reference");
    auto decode = [&]() -> Result<Bytes> {
      BEFFROI_TRY(const PayloadView view, parse_payload(payload));
      return decode_payload(view, reference);
    };
    const auto result = decode();
    if (vector.at("error").is_null()) {
      ASSERT_TRUE(result.has_value()) << vector.at("name");
      EXPECT_EQ(*result, hex_of(vector, "plaintext")) << vector.at("name");
    } else {
      ASSERT_FALSE(result.has_value()) << vector.at("name");
      EXPECT_EQ(error_code_name(result.error().code), vector.at("error")) << vector.at("name");
    }
  }
}

TEST(CodecTest, EveryLengthComesBackWhateverTheLevel) {
  PayloadEncoder encoder;
  for (const std::size_t size : {0UL, 1UL, 243UL, 244UL, 245UL, 5000UL, 20000UL, 131072UL, kMaxRawBytes}) {
    for (const int level : {1, kDefaultCompressionLevel, 12}) {
      const Bytes text = seeded_text(size, size);
      EXPECT_EQ(decoded(encoder.encode(text, level)), text) << size;
    }
    const Bytes noise = seeded_bytes(size, size);
    EXPECT_EQ(decoded(encoder.encode(noise)), noise) << size;
  }
}

TEST(CodecTest, TextIsCompressedAndNoiseIsStored) {
  PayloadEncoder encoder;
  const Bytes text = seeded_text(1, 100'000);
  const auto compressed = encoder.encode(text);
  EXPECT_EQ(compressed.codec, Codec::zstd);
  EXPECT_LT(compressed.bytes.size(), text.size() / 2);
  const Bytes noise = seeded_bytes(1, 100'000);
  const auto stored = encoder.encode(noise);
  EXPECT_EQ(stored.codec, Codec::stored);
  EXPECT_EQ(stored.bytes.size(), padded_length(kPayloadHeaderBytes + noise.size()));
}

TEST(CodecTest, TheProbeLooksBehindAnIncompressibleHead) {
  PayloadEncoder encoder;
  Bytes mixed = seeded_bytes(2, 30'000);
  const Bytes text = seeded_text(2, 70'000);
  mixed.insert(mixed.end(), text.begin(), text.end());
  EXPECT_EQ(encoder.encode(mixed).codec, Codec::zstd);
}

TEST(CodecTest, BytesWithFewSymbolsAreNotTakenForNoise) {
  // Base64 of noise has no repetitions: only its entropy coding saves a quarter.
  Bytes base64 = seeded_bytes(3, 100'000);
  for (auto& byte : base64) byte = static_cast<std::uint8_t>('0' + byte % 64);
  PayloadEncoder encoder;
  EXPECT_EQ(encoder.encode(base64).codec, Codec::zstd);
}

TEST(CodecTest, WhatPaddingWouldEatIsStored) {
  PayloadEncoder encoder;
  EXPECT_EQ(encoder.encode(Bytes(200, 'a')).codec, Codec::stored);
  EXPECT_EQ(encoder.encode(Bytes(600, 'a')).codec, Codec::zstd);
}

TEST(CodecTest, ADeltaCostsWhatChanged) {
  PayloadEncoder encoder;
  const Bytes base = seeded_bytes(4, 128 * 1024);
  Bytes edited = base;
  const Bytes insertion = seeded_bytes(5, 100);
  edited.insert(edited.begin() + 50'000, insertion.begin(), insertion.end());
  edited.erase(edited.begin() + 90'000, edited.begin() + 90'500);
  const auto delta = encoder.encode_delta(edited, base, 7, kDefaultCompressionLevel);
  EXPECT_LE(delta.bytes.size(), 1024U);
  EXPECT_EQ(parse_payload(delta.bytes)->reference_child, 7);
  EXPECT_EQ(decoded(delta, base), edited);
}

TEST(CodecTest, TheWholeOfAMebibyteBaseIsInReach) {
  // The first bytes of the base return as the last bytes of the delta, nearly 2 MiB later.
  PayloadEncoder encoder;
  const Bytes base = seeded_bytes(6, 1024 * 1024);
  Bytes turned = base;
  std::rotate(turned.begin(), turned.begin() + 4096, turned.end());
  for (const int level : {1, 3, 9}) {
    const auto delta = encoder.encode_delta(turned, base, 0, level);
    EXPECT_LE(delta.bytes.size(), 4096U) << level;
    EXPECT_EQ(decoded(delta, base), turned);
  }
}

TEST(CodecTest, ADictionaryHelpsSmallPayloads) {
  PayloadEncoder encoder;
  const Bytes dictionary = seeded_text(7, 32 * 1024);
  const Bytes raw(dictionary.begin() + 9000, dictionary.begin() + 12000);
  const auto with = encoder.encode_with_dictionary(raw, dictionary, 4095, kDefaultCompressionLevel);
  EXPECT_LT(with.bytes.size(), encoder.encode(raw).bytes.size());
  EXPECT_EQ(parse_payload(with.bytes)->reference_child, 4095);
  EXPECT_EQ(decoded(with, dictionary), raw);
}

TEST(CodecTest, AWrongReferenceNeverGivesTheSameBytes) {
  PayloadEncoder encoder;
  const Bytes base = seeded_bytes(8, 50'000);
  Bytes edited = base;
  edited[10] ^= 1;
  const auto delta = encoder.encode_delta(edited, base, 0, kDefaultCompressionLevel);
  const auto view = parse_payload(delta.bytes);
  ASSERT_TRUE(view.has_value());
  const auto with_nothing = decode_payload(*view, {});
  EXPECT_TRUE(!with_nothing || *with_nothing != edited);
  const auto with_noise = decode_payload(*view, seeded_bytes(9, 50'000));
  EXPECT_TRUE(!with_noise || *with_noise != edited);
}

TEST(CodecTest, AReferenceDoesNotOutliveItsPayload) {
  // The decoder's context is reused: a delta must not leave its base behind for the next frame.
  PayloadEncoder encoder;
  const Bytes base = seeded_text(10, 20'000);
  const auto delta = encoder.encode_delta(base, base, 0, kDefaultCompressionLevel);
  EXPECT_EQ(decoded(delta, base), base);
  const Bytes text = seeded_text(11, 20'000);
  EXPECT_EQ(decoded(encoder.encode(text)), text);
}

TEST(CodecTest, DamagedFramesAreRefusedOrKeepTheirLength) {
  crypto::SeededRandom random(12);
  PayloadEncoder encoder;
  const auto good = encoder.encode(seeded_text(12, 5000));
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    Bytes damaged = to_bytes(good.bytes);
    damaged[random.below(damaged.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    const auto view = parse_payload(damaged);
    const Result<Bytes> out = view ? decode_payload(*view, {}) : Result<Bytes>(forward_error(view));
    if (out)
      ASSERT_EQ(out->size(), view->raw_length);
    else
      ++refused;
  }
  EXPECT_GT(refused, 500);
}

TEST(CodecTest, EncodersCanBeMovedAndReused) {
  PayloadEncoder first;
  const Bytes text = seeded_text(13, 9000);
  const Bytes before = to_bytes(first.encode(text).bytes);
  PayloadEncoder second = std::move(first);
  (void)second.encode_delta(text, text, 0, 9);
  const auto after = second.encode(text);
  EXPECT_EQ(before, to_bytes(after.bytes));
}

}  // namespace
}  // namespace beffroi::storage
