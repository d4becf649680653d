// Goal: cut points depend on content and key only, survive edits, and respect their bounds and the documented mean.
#include "storage/format/chunker.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "tests/support/memory_objects.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using testing::seeded_bytes;

Chunker chunker_of(std::uint64_t seed) { return Chunker(seeded_bytes(seed, 16)); }

std::vector<std::size_t> cuts_of(const Chunker& chunker, ByteView data) {
  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  while (at < data.size()) {
    at += chunker.next_cut(data.subspan(at));
    cuts.push_back(at);
  }
  return cuts;
}

Bytes big_endian(std::uint64_t value) {
  Bytes out(8);
  put_le64(out.data(), value);
  std::ranges::reverse(out);
  return out;
}

// The header's definition, one position after the other.
std::size_t next_cut_by_definition(ByteView key, ByteView data) {
  for (std::size_t length = kChunkMinBytes; length < std::min(data.size(), kChunkMaxBytes); ++length) {
    const ByteView window = data.subspan(length - 64, 64);
    std::uint64_t hash = 0;
    for (const std::uint8_t byte : window)
      hash = 2 * hash + crypto::siphash24(crypto::labels::gear_table, ByteView(&byte, 1));
    const std::uint64_t threshold = UINT64_MAX / (length <= kChunkNormalBytes ? 256 : 50);
    if (hash < (std::uint64_t{1} << 54) && crypto::siphash24(key, window) < threshold) return length;
  }
  return std::min(data.size(), kChunkMaxBytes);
}

TEST(ChunkerTest, MeanOverRandomDataIs128KiB) {
  const Bytes data = seeded_bytes(1, 128UL * 1024 * 1024);
  const double mean = static_cast<double>(data.size()) / static_cast<double>(cuts_of(chunker_of(2), data).size());
  EXPECT_NEAR(mean, 128.0 * 1024, 12.8 * 1024);
}

TEST(ChunkerTest, BoundsAreHonoured) {
  const Bytes data = seeded_bytes(3, 32UL * 1024 * 1024);
  const auto cuts = cuts_of(chunker_of(4), data);
  std::size_t last = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    EXPECT_GE(cuts[i] - last, kChunkMinBytes);
    EXPECT_LE(cuts[i] - last, kChunkMaxBytes);
    last = cuts[i];
  }
  EXPECT_EQ(cuts.back(), data.size());
}

TEST(ChunkerTest, CutsAreWhereTheDefinitionSaysSo) {
  const Bytes key = seeded_bytes(5, 16);
  const Chunker chunker(key);
  const Bytes data = seeded_bytes(6, 1024 * 1024);
  std::size_t at = 0;
  while (at < data.size()) {
    const ByteView rest = ByteView(data).subspan(at);
    const std::size_t expected = next_cut_by_definition(key, rest);
    ASSERT_EQ(chunker.next_cut(rest), expected) << at;
    at += expected;
  }
}

TEST(ChunkerTest, ShortDataIsOneChunk) {
  const Chunker chunker = chunker_of(7);
  const Bytes data = seeded_bytes(8, kChunkMinBytes);
  for (const std::size_t size : {1UL, 63UL, 64UL, 65UL, kChunkMinBytes - 1, kChunkMinBytes})
    EXPECT_EQ(chunker.next_cut(ByteView(data).first(size)), size);
}

TEST(ChunkerTest, CutPointsSurviveAnInsertionAtTheHead) {
  const Chunker chunker = chunker_of(9);
  const Bytes data = seeded_bytes(10, 16UL * 1024 * 1024);
  const auto before = cuts_of(chunker, data);
  Bytes longer = {0x42};
  longer.insert(longer.end(), data.begin(), data.end());
  std::vector<std::size_t> after = cuts_of(chunker, longer);
  for (std::size_t& cut : after) --cut;
  std::vector<std::size_t> common;
  std::ranges::set_intersection(before, after, std::back_inserter(common));
  // Until the two sequences meet, cuts may differ; from there on they are the same.
  EXPECT_GE(common.size() + 8, before.size());
  EXPECT_GT(before.size(), 100U);
}

TEST(ChunkerTest, AnEditInTheMiddleChangesFewCuts) {
  const Chunker chunker = chunker_of(11);
  Bytes data = seeded_bytes(12, 16UL * 1024 * 1024);
  const auto before = cuts_of(chunker, data);
  data[8UL * 1024 * 1024] ^= 1;
  const auto after = cuts_of(chunker, data);
  std::vector<std::size_t> common;
  std::ranges::set_intersection(before, after, std::back_inserter(common));
  EXPECT_GE(common.size() + 8, before.size());
}

TEST(ChunkerTest, KeysGiveUnrelatedCuts) {
  const Bytes data = seeded_bytes(13, 16UL * 1024 * 1024);
  const auto one = cuts_of(chunker_of(14), data);
  const auto other = cuts_of(chunker_of(15), data);
  std::vector<std::size_t> common;
  std::ranges::set_intersection(one, other, std::back_inserter(common));
  // Of about 128 cuts each, one position in 1,024 is a candidate and one candidate in 50 a cut of the other: a handful.
  EXPECT_LE(common.size(), 1 + 12U);
}

TEST(ChunkerTest, TheSizeOfTheBufferDoesNotMatter) {
  const Chunker chunker = chunker_of(16);
  const Bytes data = seeded_bytes(17, 8UL * 1024 * 1024);
  const auto whole = cuts_of(chunker, data);
  for (const std::size_t window : {kChunkMaxBytes, kChunkMaxBytes + 1, 3 * kChunkMaxBytes / 2}) {
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < data.size(); cuts.push_back(at))
      at += chunker.next_cut(ByteView(data).subspan(at, std::min(window, data.size() - at)));
    EXPECT_EQ(cuts, whole) << window;
  }
}

TEST(ChunkerTest, ZerosAreCutAtTheMaximum) {
  // Every window is the same and, with this gear table, no candidate.
  const Bytes zeros(4 * kChunkMaxBytes);
  const auto cuts = cuts_of(chunker_of(18), zeros);
  for (std::size_t i = 0; i < cuts.size(); ++i) EXPECT_EQ(cuts[i], (i + 1) * kChunkMaxBytes);
}

TEST(ChunkerTest, VectorsAreCutAsListed) {
  const auto vectors = beffroi::testing::read_vectors("storage/chunker.json");
  for (std::size_t i = 0; i < 256; ++i) {
    const auto byte = static_cast<std::uint8_t>(i);
    EXPECT_EQ(to_hex(big_endian(crypto::siphash24(crypto::labels::gear_table, ByteView(&byte, 1)))),
              vectors.at("gear")[i].get<std::string>());
  }
  for (const auto& vector : vectors.at("cuts")) {
    const Bytes data = seeded_bytes(vector.at("seed").get<std::uint64_t>(), vector.at("size").get<std::size_t>());
    const Chunker chunker(beffroi::testing::hex_of(vector, "key"));
    EXPECT_EQ(cuts_of(chunker, data), vector.at("cuts").get<std::vector<std::size_t>>());
  }
}

}  // namespace
}  // namespace beffroi::storage
