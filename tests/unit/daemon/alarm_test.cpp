#include "daemon/service/alarm.h"

#include <fstream>

#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TemporaryFolder;

class AlarmTest : public ::testing::Test {
 protected:
  AlarmTest() { open(); }
  void open() {
    board_.reset();
    database_.reset();
    auto database = storage::Database::open(folder_.path() + "/db");
    ASSERT_TRUE(database.has_value());
    database_ = std::move(*database);
    board_ = std::make_unique<AlarmBoard>(*database_, clock_, command_);
  }
  std::vector<std::string> heard() const {
    std::vector<std::string> out;
    std::ifstream in(log());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  std::string log() const { return folder_.path() + "/heard"; }
  static Error disk(const std::string& free) { return {ErrorCode::disk_full, "Only {} left.", {free}}; }

  TemporaryFolder folder_;
  ManualClock clock_;
  std::string command_ = "sh -c 'printf \"%s|%s|%s\\n\" \"$0\" \"$BEFFROI_ALARM\" \"$(cat)\" >>" + log() + "'";
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<AlarmBoard> board_;
};

// Goal: the command is run once when an alarm begins, with the sentence as argument, in the environment and on its
// input.
TEST_F(AlarmTest, CallsTheCommandOnceWithTheSentence) {
  board_->raise("disk", disk("3 \"GB\"; $(reboot)"));
  board_->raise("disk", disk("3 \"GB\"; $(reboot)"));
  board_->raise("disk", disk("2 GB"));
  const std::string sentence = "Only 3 \"GB\"; $(reboot) left.";
  ASSERT_EQ(heard().size(), 1U);
  EXPECT_EQ(heard()[0], sentence + "|" + sentence + "|" + sentence) << "no shell reads the sentence";
  ASSERT_EQ(board_->current().size(), 1U);
  EXPECT_EQ(board_->current()[0].args, std::vector<std::string>{"2 GB"}) << "the newest sentence is shown";
}

// Goal: an alarm that lasts over a restart is not repeated; one that went away and comes again is.
TEST_F(AlarmTest, ARestartRepeatsNothing) {
  board_->raise("disk", disk("3 GB"));
  const auto since = board_->current()[0].since;
  clock_.wall_s += 1000;
  open();
  ASSERT_EQ(board_->current().size(), 1U);
  board_->raise("disk", disk("2 GB"));
  EXPECT_EQ(heard().size(), 1U);
  EXPECT_EQ(board_->current()[0].since, since);
  board_->clear("disk");
  open();
  EXPECT_TRUE(board_->current().empty());
  board_->raise("disk", disk("1 GB"));
  EXPECT_EQ(heard().size(), 2U);
}

// Goal: a command that fails, does not exist or reads nothing harms nobody.
TEST_F(AlarmTest, SurvivesItsCommand) {
  for (const char* command : {"exit 3", "/no/such/command", "true", ""}) {
    command_ = command;
    open();
    board_->raise(command, disk(std::string(300, 'x')));
  }
  EXPECT_EQ(board_->current().size(), 4U);
  board_->set("exit 3", false, disk(""));
  EXPECT_EQ(board_->current().size(), 3U);
}

}  // namespace
}  // namespace beffroi::daemon
