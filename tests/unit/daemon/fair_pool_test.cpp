// Goal: who has much to do does not keep out who has little, and nobody has more places than one share may have.
#include "daemon/service/fair_pool.h"

#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

namespace beffroi::daemon {
namespace {

constexpr ShareKey kLarge{1}, kSmall{2}, kOther{3};

class FairPoolTest : public ::testing::Test {
 protected:
  /// Asks for a turn, and keeps it until let_go() takes it.
  void ask(const ShareKey& share) {
    asio::co_spawn(
        io_,
        [](FairPoolTest& test, ShareKey of) -> asio::awaitable<void> {
          test.turns_.emplace_back(of, co_await test.pool_->take_turn(of));
        }(*this, share),
        asio::detached);
    settle();
  }
  void let_go(std::size_t number) {
    turns_.at(number).second.reset();
    settle();
  }
  void settle() {
    io_.restart();
    while (io_.poll() > 0) continue;
  }
  /// Whose turns began, in their order.
  std::vector<int> order() const {
    std::vector<int> out;
    for (const auto& [share, turn] : turns_) out.push_back(share[0]);
    return out;
  }

  asio::io_context io_;
  Pool inline_{0};
  std::vector<std::pair<ShareKey, FairPool::Turn>> turns_;
  std::unique_ptr<FairPool> pool_ = std::make_unique<FairPool>(inline_, FairPool::Places{.all = 2, .of_share = 1});
};

TEST_F(FairPoolTest, SharesTakeTurnsHoweverMuchOneOfThemAsksFor) {
  ask(kLarge);
  ask(kOther);
  for (int i = 0; i < 3; ++i) ask(kLarge);
  ask(kSmall);
  ask(kOther);
  EXPECT_EQ(order(), (std::vector{1, 3}));
  let_go(0);
  EXPECT_EQ(order(), (std::vector{1, 3, 1})) << "the first of the circle that may";
  let_go(1);
  EXPECT_EQ(order(), (std::vector{1, 3, 1, 2})) << "the small one before the third job of the large one";
  let_go(2);
  EXPECT_EQ(order(), (std::vector{1, 3, 1, 2, 3}));
  let_go(3);
  EXPECT_EQ(order(), (std::vector{1, 3, 1, 2, 3, 1}));
}

TEST_F(FairPoolTest, NoShareHasMoreThanItsPlaces) {
  pool_ = std::make_unique<FairPool>(inline_, FairPool::Places{.all = 4, .of_share = 2});
  for (int i = 0; i < 4; ++i) ask(kLarge);
  EXPECT_EQ(order(), (std::vector{1, 1})) << "two places stay free for others";
  ask(kSmall);
  EXPECT_EQ(order(), (std::vector{1, 1, 2}));
  let_go(0);
  EXPECT_EQ(order(), (std::vector{1, 1, 2, 1}));
}

TEST_F(FairPoolTest, JobsOfOneShareKeepTheirOrderAndTheirResults) {
  std::vector<int> done;
  for (int i = 0; i < 5; ++i)
    asio::co_spawn(
        io_,
        [](FairPool& pool, std::vector<int>& out, int number) -> asio::awaitable<void> {
          out.push_back(co_await pool.run(kLarge, [number] { return number * 10; }));
        }(*pool_, done, i),
        asio::detached);
  settle();
  EXPECT_EQ(done, (std::vector{0, 10, 20, 30, 40}));
}

// What waits when everything ends is destroyed with its executor, and leaves the queue by itself.
TEST_F(FairPoolTest, MayEndWhileSomebodyWaits) {
  auto io = std::make_unique<asio::io_context>();
  FairPool::Turn held;
  for (int i = 0; i < 3; ++i)
    asio::co_spawn(
        *io,
        [](FairPool& pool, FairPool::Turn& out) -> asio::awaitable<void> {
          const auto turn = co_await pool.take_turn(kLarge);
          if (!out) out = turn;
        }(*pool_, held),
        asio::detached);
  while (io->poll() > 0) continue;
  ASSERT_TRUE(held);
  pool_.reset();
  held.reset();
  io.reset();
}

}  // namespace
}  // namespace beffroi::daemon
