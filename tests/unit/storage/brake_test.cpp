// Goal: the brake holds what no person does by hand, at its bounds exactly, and nobody is asked about an ordinary day.
#include "storage/merge/brake.h"

#include <gtest/gtest.h>

#include "tests/support/merge_world.h"

namespace beffroi::storage {
namespace {

using testing::FolderModel;
using testing::MergeWorld;

std::optional<BrakeReason> judge(std::uint64_t files, std::uint64_t deleted, std::uint64_t rewritten = 0) {
  return judge_cycle(
      FolderFound::same,
      {.files_before = files, .files_after = files - deleted, .deleted = deleted, .rewritten = rewritten});
}

TEST(BrakeTest, APartOfTheFiles) {
  EXPECT_EQ(judge(100, 19), std::nullopt);
  EXPECT_EQ(judge(100, 20), std::nullopt);
  EXPECT_EQ(judge(100, 21), BrakeReason::too_many);
  EXPECT_EQ(judge(100, 0, 20), std::nullopt);
  EXPECT_EQ(judge(100, 0, 21), BrakeReason::too_many);
  EXPECT_EQ(judge(100, 11, 10), BrakeReason::too_many) << "both count together";
  EXPECT_EQ(judge(999, 199), std::nullopt);
  EXPECT_EQ(judge(994, 199), BrakeReason::too_many);
}

TEST(BrakeTest, ANumberOfFiles) {
  EXPECT_EQ(judge(100'000, 199), std::nullopt);
  EXPECT_EQ(judge(100'000, 200), std::nullopt);
  EXPECT_EQ(judge(100'000, 201), BrakeReason::too_many);
  EXPECT_EQ(judge(100'000, 0, 201), BrakeReason::too_many);
  EXPECT_EQ(judge(100'000, 100, 101), BrakeReason::too_many);
}

TEST(BrakeTest, SmallFoldersAreNotAskedAboutForEachFile) {
  EXPECT_EQ(judge(3, 1), std::nullopt);
  EXPECT_EQ(judge(3, 2), std::nullopt);
  EXPECT_EQ(judge(3, 0, 3), std::nullopt);
  EXPECT_EQ(judge(12, 9), std::nullopt);
  EXPECT_EQ(judge(12, 10), BrakeReason::too_many);
  EXPECT_EQ(judge(50, 10), std::nullopt) << "20 %";
  EXPECT_EQ(judge(49, 10), BrakeReason::too_many);
}

TEST(BrakeTest, AnEmptiedFolder) {
  EXPECT_EQ(judge(3, 3), BrakeReason::emptied);
  EXPECT_EQ(judge(2, 2), BrakeReason::emptied);
  EXPECT_EQ(judge(1, 1), std::nullopt);
  EXPECT_EQ(judge(0, 0), std::nullopt) << "it has been empty";
  EXPECT_EQ(judge(100'000, 100'000), BrakeReason::emptied) << "said before their number";
}

TEST(BrakeTest, AnotherFolderUnderItsPath) {
  const CycleCounts calm{.files_before = 5, .files_after = 5};
  EXPECT_EQ(judge_cycle(FolderFound::missing, calm), BrakeReason::folder_missing);
  EXPECT_EQ(judge_cycle(FolderFound::other, calm), BrakeReason::other_folder);
  EXPECT_EQ(judge_cycle(FolderFound::same, calm), std::nullopt);
  const CycleCounts emptied{.files_before = 5, .files_after = 0, .deleted = 5};
  EXPECT_EQ(judge_cycle(FolderFound::other, emptied), BrakeReason::other_folder) << "not that all files were deleted";
}

TEST(BrakeTest, ReasonsHaveNames) {
  EXPECT_STREQ(brake_reason_name(BrakeReason::folder_missing), "folder_missing");
  EXPECT_STREQ(brake_reason_name(BrakeReason::too_many), "too_many");
}

struct BrakeCountTest : ::testing::Test {
  MergeWorld world;
  FolderModel base, now;

  CycleCounts count() {
    const auto changes = changes_since(world.opener, world.store(base), world.store(now));
    EXPECT_TRUE(changes.has_value()) << changes.error().message();
    return count_cycle(*changes, static_cast<std::uint64_t>(std::ranges::count_if(base.entries, [](const auto& each) {
      return each.second.type == EntryType::file;
    })));
  }
};

TEST_F(BrakeCountTest, RenamesAndRightsAreNoLoss) {
  base.write("a/1", 1);
  base.write("a/2", 2);
  base.write("3", 3);
  now = base;
  now.move("a", "b");
  now.at("3").mode = 0600;
  now.write("new", 4);
  EXPECT_EQ(count(), (CycleCounts{.files_before = 3, .files_after = 4, .deleted = 0, .rewritten = 0}));
}

TEST_F(BrakeCountTest, DeletedAndRewrittenAreCountedOnce) {
  base.write("folder/gone", 1);
  base.write("folder/kept", 2);
  base.write("edited", 3);
  base.write("replaced", 4);
  base.write("left", 5);
  now = base;
  now.remove("folder/gone");
  now.move("folder", "moved");
  now.write("edited", 33);
  now.remove("replaced");
  now.mkdir("replaced");
  EXPECT_EQ(count(), (CycleCounts{.files_before = 5, .files_after = 3, .deleted = 2, .rewritten = 1}));
}

// What ransomware does: each file under a new name with other bytes.
TEST_F(BrakeCountTest, RewrittenUnderAnotherNameIsDeleted) {
  for (std::uint64_t i = 1; i <= 30; ++i) base.write("f" + std::to_string(i), i);
  for (std::uint64_t i = 1; i <= 30; ++i) now.write("f" + std::to_string(i) + ".locked", 100 + i);
  const CycleCounts counts = count();
  EXPECT_EQ(counts, (CycleCounts{.files_before = 30, .files_after = 30, .deleted = 30, .rewritten = 0}));
  EXPECT_EQ(judge_cycle(FolderFound::same, counts), BrakeReason::too_many);
}

}  // namespace
}  // namespace beffroi::storage
