// Goal: what was marked is found marked, always; of what was not, only the filter's share seems to be; and the list of
// what to remove never puts something before what stands above it.
#include "storage/store/marks.h"

#include <gtest/gtest.h>

#include "storage/store/removal_list.h"

namespace beffroi::storage {
namespace {

TEST(InsertionSetTest, KnowsWhatWasPutIn) {
  InsertionSet set;
  const std::vector<std::uint64_t> numbers = {1, 2, 511, 512, 513, 100'000'000'000, UINT64_MAX};
  for (const std::uint64_t number : numbers) {
    EXPECT_FALSE(set.contains(number));
    EXPECT_TRUE(set.insert(number));
    EXPECT_FALSE(set.insert(number));
  }
  for (const std::uint64_t number : numbers) EXPECT_TRUE(set.contains(number));
  for (const std::uint64_t number : {0UL, 3UL, 510UL, 514UL, 99'999'999'999UL, UINT64_MAX - 1})
    EXPECT_FALSE(set.contains(number));
  EXPECT_EQ(set.pages(), 4U);
}

TEST(IdFilterTest, ForgetsNothingAndErrsSeldom) {
  constexpr std::size_t kIds = 50'000;
  crypto::SeededRandom random(1);
  IdFilter filter(kIds * 10 / 8, random);
  std::vector<ObjectId> ids;
  for (std::size_t i = 0; i < kIds; ++i) ids.push_back(random.fixed<ObjectId>());
  for (const ObjectId& id : ids) filter.insert(id);
  for (const ObjectId& id : ids) {
    ASSERT_TRUE(filter.contains(id));
    ASSERT_FALSE(filter.insert(id));
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kIds; ++i) wrong += filter.contains(random.fixed<ObjectId>()) ? 1 : 0;
  EXPECT_LT(wrong, kIds * 2 / 100);
  EXPECT_GT(wrong, 0U);
}

TEST(IdFilterTest, AnotherSeedErrsElsewhere) {
  constexpr std::size_t kIds = 20'000;
  crypto::SeededRandom random(2);
  IdFilter one(kIds, random);
  IdFilter other(kIds, random);
  for (std::size_t i = 0; i < kIds; ++i) {
    const auto id = random.fixed<ObjectId>();
    one.insert(id);
    other.insert(id);
  }
  std::size_t wrong = 0;
  std::size_t wrong_in_both = 0;
  for (std::size_t i = 0; i < kIds; ++i) {
    const auto id = random.fixed<ObjectId>();
    const bool in_one = one.contains(id);
    wrong += in_one ? 1 : 0;
    wrong_in_both += in_one && other.contains(id) ? 1 : 0;
  }
  EXPECT_GT(wrong, 100U);
  EXPECT_LT(wrong_in_both, wrong / 2);
}

TEST(MarksTest, TreesAreExactEvenInAFullFilter) {
  crypto::SeededRandom random(3);
  Marks marks(1, random);  // one line
  for (int i = 0; i < 2000; ++i) marks.insert_unseen(random.fixed<ObjectId>());
  const auto id = random.fixed<ObjectId>();
  const ObjectInfo tree{.height = 2, .epoch = {1}, .insertion = 700};
  const ObjectInfo leaf{.height = 0, .epoch = {1}, .insertion = 701};
  EXPECT_TRUE(marks.contains(id, leaf));
  EXPECT_FALSE(marks.contains(id, tree));
  EXPECT_TRUE(marks.in_doubt(id, tree));
  EXPECT_FALSE(marks.in_doubt(id, leaf));
  EXPECT_TRUE(marks.insert(id, tree));
  EXPECT_TRUE(marks.contains(id, tree));
  EXPECT_FALSE(marks.in_doubt(id, tree));
  EXPECT_EQ(marks.pages(), 1U);
}

// What nobody ever put has no number: only the filter can know it.
TEST(MarksTest, WhatHasNoNumberIsKnownByItsId) {
  crypto::SeededRandom random(4);
  Marks marks(1000, random);
  const ObjectInfo remote{.height = 1, .epoch = {1}, .bytes_present = false, .receipted = true};
  const auto id = random.fixed<ObjectId>();
  EXPECT_TRUE(marks.insert(id, remote));
  EXPECT_TRUE(marks.contains(id, remote));
  EXPECT_FALSE(marks.contains(random.fixed<ObjectId>(), remote));
  EXPECT_FALSE(marks.in_doubt(id, remote));
  EXPECT_EQ(marks.pages(), 0U);
  EXPECT_EQ(marks.count(), 1U);
}

TEST(RemovalListTest, GivesTheHighestFirst) {
  crypto::SeededRandom random(5);
  RemovalList list(100);
  std::map<ObjectId, int> heights;
  for (int i = 0; i < 60; ++i) {
    const auto id = random.fixed<ObjectId>();
    heights[id] = static_cast<int>(1 + random.below(9));
    list.add(id, static_cast<std::uint8_t>(heights[id]));
  }
  EXPECT_TRUE(list.is_complete());
  EXPECT_EQ(list.size(), 60U);
  int last = 100;
  std::size_t taken = 0;
  while (list.size() > 0)
    for (const ObjectId& id : list.take_highest(7)) {
      EXPECT_LE(heights.at(id), last);
      last = heights.at(id);
      ++taken;
    }
  EXPECT_EQ(taken, 60U);
}

TEST(RemovalListTest, WhatItLeavesOutIsNoHigherThanWhatItKeeps) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    crypto::SeededRandom random(seed);
    RemovalList list(1 + random.below(20));
    std::map<ObjectId, int> heights;
    for (int i = 0; i < 100; ++i) {
      const auto id = random.fixed<ObjectId>();
      heights[id] = static_cast<int>(1 + random.below(6));
      list.add(id, static_cast<std::uint8_t>(heights[id]));
    }
    EXPECT_FALSE(list.is_complete());
    int lowest_kept = 100;
    for (const ObjectId& id : list.take_highest(100)) {
      lowest_kept = heights.at(id);
      heights.erase(id);
    }
    for (const auto& [id, height] : heights) EXPECT_LE(height, lowest_kept) << "seed " << seed;
    list.clear();
    EXPECT_TRUE(list.is_complete());
  }
}

}  // namespace
}  // namespace beffroi::storage
