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
    return {.length = 0x1'0203'0405,
            .object = ObjectRef{.id = random.fixed<ObjectId>(), .height = 9},
            .offset = 0xA0B0C0D0,
            .in_bundle = true,
            .digest = random.fixed<Digest>()};
  }
  void add(DedupIndex& to, const Segment& added) {
    WriteBatch batch;
    to.add_segment(batch, added);
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
