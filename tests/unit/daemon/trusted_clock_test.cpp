// A wall clock that jumps, is dragged, goes back or comes back after an absence: trusted time never goes back, follows
// only what is believed, and says when it does not.
#include "daemon/service/trusted_clock.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/memory_database.h"

namespace beffroi::daemon {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
using Change = TrustedClock::Change;

class TrustedClockTest : public ::testing::Test {
 protected:
  TrustedClockTest() { start(); }
  void start(std::optional<KeptClock> kept = {}) { clock = std::make_unique<TrustedClock>(machine, kept); }
  /// What a crash leaves: what was kept; the machine is off for so long and its monotonic clock begins anew.
  void restart_after(std::int64_t seconds, std::int64_t wall_s) {
    const KeptClock kept = clock->kept();
    machine.wall_s += seconds + wall_s;
    machine.monotonic_ms = 5;
    start(kept);
  }
  /// Minutes go by, with the round of each.
  void pass(std::int64_t seconds) {
    for (std::int64_t passed = 0; passed < seconds; passed += kMinute) {
      machine.pass(kMinute);
      const std::int64_t before = last;
      last = clock->now().seconds;
      EXPECT_GE(last, before);
      clock->tick();
    }
  }
  std::int64_t now() { return clock->now().seconds; }
  bool held() { return clock->status().hold.has_value(); }

  ManualClock machine;
  std::int64_t last = 0;
  std::unique_ptr<TrustedClock> clock;
};

TEST_F(TrustedClockTest, TheFirstStartTakesTheWallClockAsItIs) {
  EXPECT_EQ(clock->now(), machine.now());
  EXPECT_EQ(clock->tick(), Change::none);
  EXPECT_TRUE(clock->expiry_allowed());
  EXPECT_EQ(clock->kept(), (KeptClock{.trusted = machine.now(), .held = false, .behind_s = 0}));
}

TEST_F(TrustedClockTest, GoesOnWithBothClocks) {
  pass(30 * kDay);
  EXPECT_EQ(clock->now(), machine.now());
  EXPECT_FALSE(held());
}

TEST_F(TrustedClockTest, BetweenTheRoundsItIsTheMonotonicClock) {
  machine.wall_s += 1000 * kDay;
  machine.monotonic_ms += 1500;
  EXPECT_EQ(now(), 1'800'000'001);
}

// Goal: a jump ahead moves nothing and stops expiry; put right, all is well again by itself.
TEST_F(TrustedClockTest, AJumpAheadIsHeldUntilTheClockIsPutRight) {
  const std::int64_t before = now();
  machine.wall_s += 400 * kDay;
  machine.pass(kMinute);
  EXPECT_EQ(clock->tick(), Change::held);
  EXPECT_EQ(now(), before + kMinute);
  EXPECT_FALSE(clock->expiry_allowed());
  const auto hold = *clock->status().hold;
  EXPECT_EQ(hold.reason, ClockHold::Reason::jumped_ahead);
  EXPECT_EQ(hold.wall.seconds - hold.trusted.seconds, 400 * kDay);
  pass(kDay);
  EXPECT_EQ(now(), before + kMinute + kDay) << "time goes on";
  EXPECT_TRUE(held());
  EXPECT_EQ(clock->status().hold->wall, hold.wall) << "as it was noticed";
  machine.wall_s -= 400 * kDay;
  EXPECT_EQ(clock->tick(), Change::released);
  EXPECT_TRUE(clock->expiry_allowed());
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, AJumpBackIsHeldAndTimeGoesOn) {
  const std::int64_t before = now();
  machine.wall_s -= 2 * kDay;
  EXPECT_EQ(clock->tick(), Change::held);
  EXPECT_EQ(clock->status().hold->reason, ClockHold::Reason::went_back);
  pass(kHour);
  EXPECT_EQ(now(), before + kHour);
  machine.wall_s += 2 * kDay;
  EXPECT_EQ(clock->tick(), Change::released);
}

TEST_F(TrustedClockTest, SmallStepsForwardAreFollowed) {
  machine.wall_s += 20 * kMinute;
  EXPECT_EQ(clock->tick(), Change::none);
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, SmallStepsBackChangeNothing) {
  const std::int64_t before = now();
  machine.wall_s -= kHour;
  EXPECT_EQ(clock->tick(), Change::none);
  EXPECT_EQ(now(), before);
  pass(kHour);
  EXPECT_EQ(now(), before + kHour);
  EXPECT_TRUE(clock->expiry_allowed());
  machine.wall_s -= 1;
  EXPECT_EQ(clock->tick(), Change::held) << "more than an hour in all";
}

// Goal: ten minutes forward each minute are an hour at most, and then it is noticed.
TEST_F(TrustedClockTest, ASlowDragEndsInAHold) {
  const std::int64_t before = now();
  int minutes = 0;
  while (!held() && minutes < 100) {
    machine.pass(kMinute);
    machine.wall_s += 10 * kMinute;
    clock->tick();
    ++minutes;
  }
  EXPECT_EQ(minutes, 7);
  EXPECT_LE(now() - before, 7 * kMinute + kHour);
  for (int i = 0; i < 1000; ++i) {
    machine.pass(kMinute);
    machine.wall_s += 10 * kMinute;
    clock->tick();
  }
  EXPECT_TRUE(held());
  EXPECT_LE(now() - before, 1007 * kMinute + kHour);
}

// Goal: whoever drags the clock for ever gains one minute an hour, whatever the steps.
TEST_F(TrustedClockTest, TheBudgetComesBackSlowly) {
  machine.wall_s += kHour;
  ASSERT_EQ(clock->tick(), Change::none);
  machine.wall_s += 10;
  EXPECT_EQ(clock->tick(), Change::held) << "nothing is left";
  machine.wall_s -= 10;
  EXPECT_EQ(clock->tick(), Change::released);
  pass(5 * kHour);
  machine.wall_s += 5 * kMinute + 1;
  EXPECT_EQ(clock->tick(), Change::held);
  machine.wall_s -= 1;
  EXPECT_EQ(clock->tick(), Change::released);
  EXPECT_EQ(clock->now(), machine.now());
  pass(200 * kHour);
  machine.wall_s += kHour + 1;
  EXPECT_EQ(clock->tick(), Change::held) << "never more than an hour";
}

TEST_F(TrustedClockTest, BackAndForthNeverGoesBack) {
  crypto::SeededRandom random(7);
  const std::int64_t begin = now();
  std::int64_t passed = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::int64_t step = 1 + static_cast<std::int64_t>(random.below(120));
    machine.pass(step);
    passed += step;
    const std::int64_t before = now();
    machine.wall_s += static_cast<std::int64_t>(random.below(4 * kHour)) - 2 * kHour;
    if (random.below(3) > 0) clock->tick();
    if (random.below(500) == 0) machine.wall_s = now();
    EXPECT_GE(now(), before);
  }
  EXPECT_LE(now() - begin, passed + kHour + passed / kClockRefillDivisor + 1);
}

// Goal: a machine that slept can't tell that from a jump; a short sleep is followed, a long one is held.
TEST_F(TrustedClockTest, ASuspendedMachine) {
  machine.wall_s += 30 * kMinute;
  EXPECT_EQ(clock->tick(), Change::none);
  EXPECT_EQ(clock->now(), machine.now());
  machine.wall_s += 8 * kHour;
  EXPECT_EQ(clock->tick(), Change::held);
  clock->accept();
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, AnOperatorAcceptsAClockThatIsAhead) {
  machine.wall_s += 100 * kDay;
  clock->tick();
  clock->accept();
  EXPECT_TRUE(clock->expiry_allowed());
  EXPECT_EQ(clock->now(), machine.now());
  machine.wall_s += 10 * kMinute;
  EXPECT_EQ(clock->tick(), Change::none) << "with a budget again";
}

// Goal: an accepted clock that is behind is waited for: time neither goes back nor stands still.
TEST_F(TrustedClockTest, AnOperatorAcceptsAClockThatIsBehind) {
  const std::int64_t before = now();
  machine.wall_s -= 10 * kHour;
  clock->tick();
  clock->accept();
  EXPECT_TRUE(clock->expiry_allowed());
  EXPECT_TRUE(clock->status().catching_up);
  pass(10 * kHour);
  EXPECT_EQ(now(), before + 5 * kHour);
  EXPECT_TRUE(clock->status().catching_up);
  EXPECT_FALSE(held());
  restart_after(kHour, 0);
  EXPECT_FALSE(held()) << "a restart asks no second time";
  EXPECT_EQ(now(), before + 5 * kHour);
  pass(8 * kHour);
  EXPECT_FALSE(clock->status().catching_up);
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, WhileItCatchesUpAnotherJumpIsHeld) {
  machine.wall_s -= 10 * kHour;
  clock->tick();
  clock->accept();
  machine.wall_s -= 2 * kHour;
  EXPECT_EQ(clock->tick(), Change::held);
  EXPECT_FALSE(clock->status().catching_up);
  machine.wall_s += 100 * kHour;
  EXPECT_EQ(clock->tick(), Change::none) << "still held, on the other side";
  EXPECT_EQ(clock->status().hold->reason, ClockHold::Reason::jumped_ahead);
}

TEST_F(TrustedClockTest, AfterDaysOffTheWallClockIsBelieved) {
  for (const std::int64_t days : {0, 3, 10}) {
    restart_after(days * kDay, 0);
    EXPECT_FALSE(held()) << days;
    EXPECT_EQ(clock->now(), machine.now()) << days;
  }
}

TEST_F(TrustedClockTest, AfterTwentyDaysSomebodyMustLook) {
  const std::int64_t before = now();
  restart_after(20 * kDay, 0);
  EXPECT_TRUE(held());
  EXPECT_EQ(now(), before);
  pass(kHour);
  EXPECT_TRUE(held()) << "time alone makes nothing right";
  EXPECT_EQ(now(), before + kHour);
  clock->accept();
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, ARestartWithAnEarlierClockIsHeld) {
  const std::int64_t before = now();
  restart_after(kHour, -40 * kDay);
  EXPECT_TRUE(held());
  EXPECT_EQ(now(), before);
  machine.wall_s += 40 * kDay;
  EXPECT_EQ(clock->tick(), Change::released);
  EXPECT_EQ(clock->now(), machine.now());
}

TEST_F(TrustedClockTest, ARestartWithAClockALittleBehindIsNot) {
  const std::int64_t before = now();
  restart_after(0, -kHour);
  EXPECT_FALSE(held());
  EXPECT_EQ(now(), before);
}

// Goal: a jump is not made good by a restart.
TEST_F(TrustedClockTest, WhatIsHeldStaysHeldOverARestart) {
  machine.wall_s += 10 * kDay;
  clock->tick();
  ASSERT_TRUE(held());
  const std::int64_t before = now();
  restart_after(kMinute, 0);
  EXPECT_TRUE(held());
  EXPECT_EQ(now(), before);
  restart_after(kMinute, -10 * kDay);
  EXPECT_FALSE(held()) << "put right while it was off";
}

TEST_F(TrustedClockTest, WhatIsKeptComesBackFromTheDatabase) {
  storage::testing::MemoryDatabase database;
  EXPECT_EQ(load_kept_clock(*database)->has_value(), false);
  const KeptClock kept{.trusted = {1'800'000'123}, .held = true, .behind_s = 77};
  ASSERT_TRUE(save_kept_clock(*database, kept));
  database.reopen();
  EXPECT_EQ(*load_kept_clock(*database), kept);
  for (const std::string_view damaged : {"", "x", "\x84\x02\x01\xf4\x01", "\x84\x01\x20\xf4\x01"}) {
    ASSERT_TRUE(
        database->put(storage::Table::state, as_bytes("peer/clock"), as_bytes(damaged), storage::Durability::buffered));
    EXPECT_EQ(load_kept_clock(*database).error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace beffroi::daemon
