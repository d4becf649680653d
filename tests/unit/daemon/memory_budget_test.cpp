// Goal: what sessions hold stays within the bounds of all and of each share, and yet nobody starves: not even when
// somebody holds on to everything.
#include "daemon/service/memory_budget.h"

#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include "daemon/net/reading_ahead.h"
#include "tests/support/memory_channel.h"

namespace beffroi::daemon {
namespace {

constexpr ShareKey kOne{1}, kOther{2};

class MemoryBudgetTest : public ::testing::Test {
 protected:
  std::shared_ptr<MemoryAccount> open(const ShareKey& share) {
    auto out = budget_.open_account(io_.get_executor());
    out->belong_to(share);
    return out;
  }
  /// True when it did not have to wait.
  bool take(const std::shared_ptr<MemoryAccount>& account, std::size_t bytes) {
    const std::size_t before = went_on_;
    asio::co_spawn(
        io_,
        [](MemoryBudgetTest& test, std::shared_ptr<MemoryAccount> of, std::size_t size) -> asio::awaitable<void> {
          co_await of->take(size);
          ++test.went_on_;
        }(*this, account, bytes),
        asio::detached);
    settle();
    return went_on_ > before;
  }
  void settle() {
    io_.restart();
    while (io_.poll() > 0) continue;
  }

  asio::io_context io_;
  MemoryBudget budget_{{.all_bytes = 1000, .share_bytes = 600}};
  std::size_t went_on_ = 0;
};

TEST_F(MemoryBudgetTest, WhoPassesItsShareWaitsUntilSomethingIsGivenBack) {
  const auto first = open(kOne);
  EXPECT_TRUE(take(first, 400));
  EXPECT_FALSE(take(first, 300));
  EXPECT_TRUE(first->is_short());
  const auto other = open(kOther);
  EXPECT_FALSE(other->is_short());
  EXPECT_TRUE(take(other, 500)) << "another share's wait is not its own";
  first->give_back(200);
  settle();
  EXPECT_EQ(went_on_, 3U);
  EXPECT_FALSE(first->is_short());
  EXPECT_EQ(budget_.held_bytes(), 1000U);
}

TEST_F(MemoryBudgetTest, AllTogetherHaveABoundAsWell) {
  const auto one = open(kOne);
  const auto other = open(kOther);
  EXPECT_TRUE(take(one, 600));
  EXPECT_TRUE(take(other, 300));
  EXPECT_FALSE(take(other, 200));
  one->give_back(600);
  settle();
  EXPECT_EQ(budget_.held_bytes(), 500U);
  EXPECT_EQ(went_on_, 3U);
}

// Goal: a tenant that fills all memory and lets go of nothing keeps no other from one frame at a time.
TEST_F(MemoryBudgetTest, OneFrameOfEachSessionIsAlwaysLetIn) {
  const auto greedy = open(kOne);
  EXPECT_TRUE(take(greedy, 5000)) << "one frame, however long";
  const auto neighbour = open(kOne);
  const auto other = open(kOther);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(take(neighbour, 100));
    EXPECT_TRUE(take(other, 100));
    neighbour->give_back(100);
    other->give_back(100);
  }
  EXPECT_TRUE(take(other, 100));
  EXPECT_FALSE(take(other, 1)) << "but no second one";
}

TEST_F(MemoryBudgetTest, HoldsAreCountedAndMoveWithTheirAccount) {
  const auto account = open(kOne);
  {
    MemoryHold held = account->hold(500);
    held.grow(100);
    EXPECT_EQ(budget_.held_bytes(), 600U);
    const auto neighbour = open(kOne);
    EXPECT_TRUE(take(neighbour, 1));
    EXPECT_FALSE(take(neighbour, 1)) << "the share is full";
    account->belong_to(kOther);
    settle();
    EXPECT_EQ(went_on_, 2U) << "what moves makes room";
    MemoryHold other = std::exchange(held, account->hold(0));
    EXPECT_EQ(budget_.held_bytes(), 602U);
  }
  EXPECT_EQ(budget_.held_bytes(), 0U);
}

TEST_F(MemoryBudgetTest, ClosingLetsEverybodyGoOn) {
  const auto account = open(kOne);
  EXPECT_TRUE(take(account, 600));
  EXPECT_FALSE(take(account, 600));
  account->close();
  settle();
  EXPECT_EQ(went_on_, 2U);
  EXPECT_TRUE(take(account, 600));
}

// Goal: a session whose share is full does not read on (the line pushes back), and goes on frame by frame with what its
// user takes.
TEST_F(MemoryBudgetTest, AChannelReadsAheadOnlyAsFarAsThereIsRoom) {
  using namespace testing;
  using namespace std::chrono_literals;
  constexpr std::size_t kFrame = 200;
  MemoryPair pair = make_memory_pair(io_.get_executor(), {}, {}, {});
  const auto account = open(kOne);
  const auto greedy = open(kOne);
  EXPECT_TRUE(take(greedy, 600));
  auto reader = make_reading_ahead(std::move(pair.listener), io_.get_executor(), account);
  asio::co_spawn(
      io_,
      [](Channel& sender) -> asio::awaitable<void> {
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(co_await sender.send({FrameType::object, Bytes(kFrame, 7)}, 1s));
      }(*pair.client),
      asio::detached);
  settle();
  EXPECT_LT(reader->bytes_received(), 2 * kFrame) << "one frame and no more";
  int received = 0;
  asio::co_spawn(
      io_,
      [](Channel& channel, int& count) -> asio::awaitable<void> {
        for (; count < 5; ++count) EXPECT_TRUE(co_await channel.receive(1s));
      }(*reader, received),
      asio::detached);
  settle();
  EXPECT_EQ(received, 5);
  reader.reset();
  settle();
  EXPECT_EQ(budget_.held_bytes(), 600U);
}

}  // namespace
}  // namespace beffroi::daemon
