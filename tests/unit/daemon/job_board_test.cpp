#include "daemon/station/job_board.h"

#include <gtest/gtest.h>

namespace beffroi::daemon {
namespace {

// Goal: one job that changes things at a time, and the refusal says which one runs.
TEST(JobBoardTest, ExclusiveJobsExcludeEachOther) {
  JobBoard board;
  {
    const auto backup = board.begin(JobKind::backup);
    ASSERT_TRUE(backup.has_value());
    for (const JobKind kind : {JobKind::backup, JobKind::sync, JobKind::recover}) {
      const auto refused = board.begin(kind);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, ErrorCode::busy);
      EXPECT_TRUE(refused.error().text.starts_with("A backup is running.")) << refused.error().text;
    }
    EXPECT_TRUE(board.begin(JobKind::check).has_value());
    EXPECT_TRUE(board.begin(JobKind::look).has_value());
  }
  EXPECT_TRUE(board.begin(JobKind::sync).has_value()) << "it ended with its last owner";
  EXPECT_EQ(board.count(), 0U);
}

TEST(JobBoardTest, LooksAreBounded) {
  JobBoard board;
  std::vector<std::shared_ptr<Job>> looks;
  for (std::size_t i = 0; i < kMaxLooks; ++i) looks.push_back(*board.begin(i == 0 ? JobKind::check : JobKind::look));
  EXPECT_EQ(board.begin(JobKind::look).error().code, ErrorCode::busy);
  EXPECT_TRUE(board.begin(JobKind::backup).has_value());
  looks.pop_back();
  EXPECT_TRUE(board.begin(JobKind::look).has_value());
}

// Goal: the status names the job that people wait for.
TEST(JobBoardTest, NamesTheJobThatMatters) {
  JobBoard board;
  EXPECT_FALSE(board.running().has_value());
  const auto look = board.begin(JobKind::look);
  EXPECT_FALSE(board.running().has_value());
  const auto check = board.begin(JobKind::check);
  EXPECT_EQ(board.running()->kind, JobKind::check);
  const auto backup = board.begin(JobKind::backup);
  EXPECT_EQ(board.running()->kind, JobKind::backup);
  EXPECT_EQ(board.running()->progress, (*backup)->progress());
}

TEST(JobBoardTest, EndingCancelsAllAndBeginsNone) {
  JobBoard board;
  const auto backup = board.begin(JobKind::backup);
  const auto look = board.begin(JobKind::look);
  board.cancel_all();
  EXPECT_TRUE((*backup)->progress()->cancel);
  EXPECT_TRUE((*look)->progress()->cancel);
  EXPECT_EQ(board.begin(JobKind::look).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace beffroi::daemon
