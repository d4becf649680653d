// Goal: the dedup index finds what was added, by kind and space, with every field, and nothing else.
#include "storage/store/dedup_index.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/memory_database.h"

namespace beffroi::storage {
namespace {

class DedupIndexTest : public ::testing::Test {
 protected:
  Segment segment() {
    return {.length = 0x0203,
            .object = ObjectRef{.id = random.fixed<ObjectId>(), .height = 9},
            .offset = 0xA0B0C0D0,
            .in_bundle = true,
            .digest = random.fixed<Digest>()};
  }
  void add(DedupIndex& to, const Segment& added) {
    WriteBatch batch;
    BundleNumbers numbers;
    ASSERT_TRUE(to.add_segment(batch, added, numbers));
    ASSERT_TRUE(database->write(batch, Durability::buffered));
  }

  crypto::SeededRandom random{5};
  testing::MemoryDatabase database;
  DedupIndex index{*database, random.fixed<SpaceId>()};
};

TEST_F(DedupIndexTest, FindsSegmentsWithAllTheirFields) {
  const Segment sliced = segment();
  Segment chunk = segment();
  chunk.in_bundle = false;
  chunk.offset = 0;
  chunk.length = 0x1'0203'0405;
  add(index, sliced);
  add(index, chunk);
  EXPECT_EQ(index.find_segment(sliced.digest).value(), sliced);
  EXPECT_EQ(index.find_segment(chunk.digest).value(), chunk);
  EXPECT_EQ(index.find_segment(random.fixed<Digest>()).value(), std::nullopt);
}

TEST_F(DedupIndexTest, TheNewestPlaceOfADigestCounts) {
  const Segment old = segment();
  Segment moved = segment();
  moved.digest = old.digest;
  add(index, old);
  add(index, moved);
  EXPECT_EQ(index.find_segment(old.digest).value(), moved);
}

// Goal: many slices of many bundles are told apart by the bundles' numbers, whoever adds them: one sequence of batches
// or several, the same index or one that was opened again.
TEST_F(DedupIndexTest, BundlesKeepTheirNumbers) {
  std::vector<Segment> slices;
  std::vector<ObjectRef> bundles;
  for (int i = 0; i < 300; ++i) bundles.push_back({.id = random.fixed<ObjectId>(), .height = 0});
  const SpaceId space = random.fixed<SpaceId>();
  for (int round = 0; round < 3; ++round) {
    DedupIndex opened(*database, space);
    BundleNumbers numbers;
    for (std::uint32_t i = 0; i < 900; ++i) {
      Segment slice = segment();
      slice.object = bundles[i % (100 * (static_cast<std::size_t>(round) + 1))];
      slice.offset = i;
      WriteBatch batch;
      ASSERT_TRUE(opened.add_segment(batch, slice, numbers));
      ASSERT_TRUE(database->write(batch, Durability::buffered));
      slices.push_back(slice);
    }
  }
  DedupIndex again(*database, space);
  for (const Segment& slice : slices) ASSERT_EQ(again.find_segment(slice.digest).value(), slice);
}

// Goal: a batch that is never written leaves nothing behind that others could mistake for a bundle of theirs.
TEST_F(DedupIndexTest, LostBatchesMisleadNobody) {
  const Segment lost = segment();
  const Segment kept = segment();
  {
    WriteBatch batch;
    BundleNumbers numbers;
    ASSERT_TRUE(index.add_segment(batch, lost, numbers));
  }
  add(index, kept);
  EXPECT_EQ(index.find_segment(lost.digest).value(), std::nullopt);
  EXPECT_EQ(index.find_segment(kept.digest).value(), kept);
  add(index, lost);
  EXPECT_EQ(index.find_segment(lost.digest).value(), lost);
  EXPECT_EQ(index.find_segment(kept.digest).value(), kept);
}

TEST_F(DedupIndexTest, KindsOfObjectsAreApart) {
  const auto digest = random.fixed<Digest>();
  const ObjectRef leaf{.id = random.fixed<ObjectId>(), .height = 1};
  const ObjectRef node{.id = random.fixed<ObjectId>(), .height = 63};
  WriteBatch batch;
  index.add_object(batch, ObjectKind::leaf, digest, leaf);
  index.add_object(batch, ObjectKind::node, digest, node);
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  EXPECT_EQ(index.find_object(ObjectKind::leaf, digest).value(), leaf);
  EXPECT_EQ(index.find_object(ObjectKind::node, digest).value(), node);
  EXPECT_EQ(index.find_object(ObjectKind::content_leaf, digest).value(), std::nullopt);
  EXPECT_EQ(index.find_segment(digest).value(), std::nullopt);
}

TEST_F(DedupIndexTest, SpacesAreApartAndClearedAlone) {
  DedupIndex other(*database, random.fixed<SpaceId>());
  const Segment one = segment();
  const Segment two = segment();
  add(index, one);
  add(other, two);
  EXPECT_EQ(other.find_segment(one.digest).value(), std::nullopt);
  ASSERT_TRUE(index.clear());
  EXPECT_EQ(index.find_segment(one.digest).value(), std::nullopt);
  EXPECT_EQ(other.find_segment(two.digest).value(), two);
}

}  // namespace
}  // namespace beffroi::storage
