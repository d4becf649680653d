// Goal: eviction takes as much as the limits ask for, oldest first, never a tree nor what has no receipt; and the disk
// gets its room back.
#include "storage/store/limits.h"

#include <gtest/gtest.h>

#include "tests/support/memory_database.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage {
namespace {

using namespace testing;

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(LimitsTest, NothingIsTooMuchWithinTheLimits) {
  const DiskUsage usage{.store_bytes = 500, .disk_bytes = 10'000, .free_bytes = 2'000};
  EXPECT_EQ(excess_bytes({}, usage, 0), 0U);
  EXPECT_EQ(excess_bytes({}, usage, 1'000), 0U);
  EXPECT_EQ(excess_bytes({.max_bytes = 500, .min_free_bytes = {}}, usage, 0), 0U);
}

TEST(LimitsTest, TheLargerExcessCounts) {
  const DiskUsage usage{.store_bytes = 5'000, .disk_bytes = 10'000, .free_bytes = 700};
  EXPECT_EQ(excess_bytes({}, usage, 0), 300U);  // 10 % of the disk are to stay free
  EXPECT_EQ(excess_bytes({}, usage, 50), 350U);
  EXPECT_EQ(excess_bytes({.max_bytes = 4'000, .min_free_bytes = {}}, usage, 0), 1'000U);
  EXPECT_EQ(excess_bytes({.max_bytes = 4'900, .min_free_bytes = {}}, usage, 0), 300U);
  EXPECT_EQ(excess_bytes({.max_bytes = {}, .min_free_percent = 50, .min_free_bytes = {}}, usage, 0), 4'300U);
  EXPECT_EQ(excess_bytes({.max_bytes = {}, .min_free_percent = 50, .min_free_bytes = 600}, usage, 0), 0U);
}

TEST(LimitsTest, HugeNumbersDoNotWrapRound) {
  const DiskUsage usage{.store_bytes = UINT64_MAX, .disk_bytes = UINT64_MAX, .free_bytes = 0};
  EXPECT_EQ(excess_bytes({.max_bytes = 0, .min_free_bytes = UINT64_MAX}, usage, UINT64_MAX), UINT64_MAX);
}

TEST(LimitsTest, MeasuresTheDiskOfTheFolder) {
  TemporaryFolder folder;
  const auto database = Database::open(folder / "db").value();
  const DiskUsage usage = measure_disk(*database).value();
  EXPECT_GT(usage.store_bytes, 0U);
  EXPECT_GT(usage.disk_bytes, usage.free_bytes);
  EXPECT_GE(usage.disk_bytes, usage.store_bytes);
}

class EvictionTest : public ::testing::Test {
 protected:
  std::vector<ObjectId> put(std::size_t count, std::size_t size, ObjectKind kind, std::uint32_t epoch) {
    std::vector<ObjectId> ids;
    for (std::size_t i = 0; i < count; ++i) {
      const MadeObject object = make_object(random, space, size, kind, epoch);
      EXPECT_TRUE(put_all(*store, space, {&object, 1}));
      ids.push_back(object.id);
    }
    return ids;
  }
  bool here(const ObjectId& id) { return store->info(space, id).value()->bytes_present; }

  crypto::SeededRandom random{9};
  MemoryDatabase database;
  std::unique_ptr<ObjectStore> store = make_object_store(*database);
  SpaceId space = random.fixed<SpaceId>();
};

TEST_F(EvictionTest, TakesTheOldestFirstAndNoMoreThanNeeded) {
  const auto newer = put(5, 1'000, ObjectKind::chunk, 2);
  const auto older = put(5, 1'000, ObjectKind::bundle, 1);
  ASSERT_TRUE(store->mark_receipted(space, newer));
  ASSERT_TRUE(store->mark_receipted(space, older));
  EXPECT_EQ(evict_receipted(*database, *store, space, 6'500).value(), 7'000U);
  for (const ObjectId& id : older) EXPECT_FALSE(here(id));
  EXPECT_FALSE(here(newer[0]));
  EXPECT_FALSE(here(newer[1]));
  EXPECT_TRUE(here(newer[2]));
  EXPECT_EQ(evict_receipted(*database, *store, space, 0).value(), 0U);
}

TEST_F(EvictionTest, LeavesTreesAndWhatHasNoReceipt) {
  const auto unreceipted = put(2, 1'000, ObjectKind::chunk, 1);
  std::vector<ObjectId> trees;
  for (const ObjectKind kind :
       {ObjectKind::leaf, ObjectKind::node, ObjectKind::content_leaf, ObjectKind::content_node, ObjectKind::dictionary})
    trees.push_back(put(1, 1'000, kind, 1).front());
  const auto chunks = put(2, 1'000, ObjectKind::chunk, 1);
  ASSERT_TRUE(store->mark_receipted(space, trees));
  ASSERT_TRUE(store->mark_receipted(space, chunks));
  EXPECT_EQ(evict_receipted(*database, *store, space, UINT64_MAX).value(), 2'000U);
  for (const ObjectId& id : trees) EXPECT_TRUE(here(id));
  for (const ObjectId& id : unreceipted) EXPECT_TRUE(here(id));
  for (const ObjectId& id : chunks) EXPECT_FALSE(here(id));
  EXPECT_EQ(evict_receipted(*database, *store, space, UINT64_MAX).value(), 0U);
}

TEST_F(EvictionTest, AnotherSpaceKeepsItsOwn) {
  const auto mine = put(1, 1'000, ObjectKind::chunk, 1);
  ASSERT_TRUE(store->mark_receipted(space, mine));
  EXPECT_EQ(evict_receipted(*database, *store, random.fixed<SpaceId>(), 1'000).value(), 0U);
  EXPECT_TRUE(here(mine[0]));
}

// A soak on a real disk: half of 200 MiB goes, then all of it, then all that is left by way of removal.
TEST(DiskSpaceTest, ComesBackAfterEvictionAndRemoval) {
  constexpr std::uint64_t kObjectBytes = 256 * 1024;
  constexpr std::uint64_t kTotalBytes = 200 * kMiB;
  // Logs, tables and unwritten memory beside the objects.
  constexpr std::uint64_t kOtherBytes = 40 * kMiB;
  TemporaryFolder folder;
  crypto::SeededRandom random(10);
  const auto space = random.fixed<SpaceId>();
  const auto database = Database::open(folder / "db", {.memtable_bytes = 16 * kMiB}).value();
  const auto store = make_object_store(*database);
  const Bytes content(kObjectBytes, 1);
  std::vector<ObjectId> ids;
  for (std::uint64_t put = 0; put < kTotalBytes; put += kObjectBytes) {
    IncomingObject object{.id = random.fixed<ObjectId>(), .header = {}, .bytes = content};
    ASSERT_TRUE(store->put(space, {&object, 1}));
    ids.push_back(object.id);
  }
  ASSERT_TRUE(store->mark_receipted(space, ids));
  EXPECT_GT(database->disk_bytes(), kTotalBytes);

  EXPECT_EQ(evict_receipted(*database, *store, space, kTotalBytes / 2).value(), kTotalBytes / 2);
  EXPECT_LT(database->disk_bytes(), kTotalBytes / 2 + kOtherBytes);
  EXPECT_EQ(store->get(space, ids.back()), content);

  // Every second of the rest: no file is all garbage, so what lives in them must move.
  std::vector<ObjectId> some;
  for (std::size_t i = ids.size() / 2; i < ids.size(); i += 2) some.push_back(ids[i]);
  ASSERT_TRUE(store->remove(space, some));
  ASSERT_TRUE(database->compact());
  EXPECT_LT(database->disk_bytes(), kTotalBytes / 4 + kOtherBytes);
  EXPECT_EQ(store->get(space, ids.back()), content);

  ASSERT_TRUE(store->erase_space(space));
  ASSERT_TRUE(database->compact());
  EXPECT_LT(database->disk_bytes(), kOtherBytes);
}

}  // namespace
}  // namespace beffroi::storage
