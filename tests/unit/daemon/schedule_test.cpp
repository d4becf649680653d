#include "daemon/service/schedule.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "daemon/station/nightly.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

using std::chrono::milliseconds;
using storage::UnixTime;

constexpr std::int64_t kHour = 3600;
constexpr std::uint32_t kEvening = 22 * 60 + 30;

/// Local times of metropolitan France, by rule, so that no time zone files are needed.
class ScheduleTest : public ::testing::Test {
 protected:
  ScheduleTest() {
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
  ~ScheduleTest() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  static UnixTime utc(int year, int month, int day, int hour, int minute, int second = 0) {
    std::tm parts{};
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = second;
    return {::timegm(&parts)};
  }
  ScheduleSettings settings_{.enabled = true, .at_minute = kEvening, .random_delay_min = 30};
};

// Goal: the due time is a local time, on both sides of the change of the clocks.
TEST_F(ScheduleTest, IsDueAtTheLocalMinute) {
  EXPECT_EQ(next_due(utc(2026, 1, 15, 12, 0), kEvening), utc(2026, 1, 15, 21, 30));
  EXPECT_EQ(next_due(utc(2026, 7, 15, 12, 0), kEvening), utc(2026, 7, 15, 20, 30));
  EXPECT_EQ(last_due(utc(2026, 7, 15, 12, 0), kEvening), utc(2026, 7, 14, 20, 30));
  EXPECT_EQ(last_due(utc(2026, 7, 15, 20, 30), kEvening), utc(2026, 7, 15, 20, 30));
  EXPECT_EQ(next_due(utc(2026, 7, 15, 20, 30), kEvening), utc(2026, 7, 16, 20, 30));
  EXPECT_EQ(next_due(utc(2026, 12, 31, 23, 0), kEvening), utc(2027, 1, 1, 21, 30));
}

// Goal: 02:30 does not exist on 29 March 2026 (the clocks go from 02:00 to 03:00): the backup comes right after.
TEST_F(ScheduleTest, RunsAfterTheHourThatIsMissingInSpring) {
  constexpr std::uint32_t kNight = 2 * 60 + 30;
  EXPECT_EQ(next_due(utc(2026, 3, 28, 12, 0), kNight), utc(2026, 3, 29, 1, 30));
  EXPECT_EQ(next_due(utc(2026, 3, 29, 12, 0), kNight), utc(2026, 3, 30, 0, 30));
}

// Goal: 02:30 comes twice on 25 October 2026: the first one counts, and only one backup is due.
TEST_F(ScheduleTest, RunsOnceInTheHourThatComesTwiceInAutumn) {
  constexpr std::uint32_t kNight = 2 * 60 + 30;
  EXPECT_EQ(next_due(utc(2026, 10, 24, 12, 0), kNight), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(next_due(utc(2026, 10, 25, 0, 30), kNight), utc(2026, 10, 26, 1, 30));
}

// Goal: every day of two years has exactly one due time, and time never stands still.
TEST_F(ScheduleTest, HasOneDueTimeADay) {
  for (const std::uint32_t minute : {0U, 2U * 60 + 30, kEvening, 23U * 60 + 59}) {
    UnixTime now = utc(2026, 1, 1, 0, 0);
    int count = 0;
    for (UnixTime due = next_due(now, minute); due < utc(2028, 1, 1, 0, 0); due = next_due(due, minute)) {
      ASSERT_GT(due, now);
      ASSERT_LE(due.seconds - now.seconds, 26 * kHour);
      ASSERT_EQ(last_due(due, minute), due);
      now = due;
      ++count;
    }
    EXPECT_NEAR(count, 730, 1) << minute;
  }
}

// Goal: done tonight already: tomorrow, with that night's own random delay.
TEST_F(ScheduleTest, PlansTheNextNightAfterASuccess) {
  const UnixTime now = utc(2026, 7, 15, 21, 0);
  EXPECT_EQ(next_start(now, settings_, {.last_success = now, .last_attempt = now}, 600), utc(2026, 7, 16, 20, 40));
}

// Goal: the PC was off at night: soon after it starts, but not at once.
TEST_F(ScheduleTest, MakesUpForAMissedNight) {
  const UnixTime now = utc(2026, 7, 15, 7, 0);
  EXPECT_EQ(next_start(now, settings_, {.last_success = utc(2026, 7, 10, 21, 0)}, 600).seconds,
            now.seconds + kCatchUpDelayS);
  EXPECT_EQ(next_start(now, settings_, {}, 600).seconds, now.seconds + kCatchUpDelayS) << "never backed up";
}

// Goal: within the random delay the plan holds: a restart of the daemon does not turn it into "missed".
TEST_F(ScheduleTest, KeepsTheRandomDelayOfTheNightThatBegan) {
  const UnixTime now = utc(2026, 7, 15, 20, 35);
  EXPECT_EQ(next_start(now, settings_, {.last_success = utc(2026, 7, 14, 21, 0)}, 1200), utc(2026, 7, 15, 20, 50));
}

// Goal: a failure is tried again with growing pauses, never in the past.
TEST_F(ScheduleTest, RetriesAfterFailures) {
  EXPECT_EQ(retry_delay_s(1), 600);
  EXPECT_EQ(retry_delay_s(2), 1200);
  EXPECT_EQ(retry_delay_s(30), 4 * kHour);
  EXPECT_EQ(retry_delay_s(UINT32_MAX), 4 * kHour);
  const UnixTime attempt = utc(2026, 7, 15, 21, 0);
  ScheduleMemory memory{.last_success = utc(2026, 7, 14, 21, 0), .last_attempt = attempt, .failures = 1};
  EXPECT_EQ(next_start({attempt.seconds + 60}, settings_, memory, 0).seconds, attempt.seconds + 600);
  EXPECT_EQ(next_start({attempt.seconds + 900}, settings_, memory, 0).seconds, attempt.seconds + 900);
}

// Goal: a success "in the future" was written by a wrong clock, and counts for nothing.
TEST_F(ScheduleTest, DoesNotBelieveTheFuture) {
  const UnixTime now = utc(2026, 7, 15, 12, 0);
  const UnixTime future = utc(2030, 1, 1, 0, 0);
  EXPECT_EQ(next_start(now, settings_, {.last_success = future, .last_attempt = future}, 0).seconds,
            now.seconds + kCatchUpDelayS);
}

TEST_F(ScheduleTest, MissedMeansADayAndAHalf) {
  const UnixTime now = utc(2026, 7, 15, 12, 0);
  EXPECT_FALSE(is_missed(now, {.last_success = UnixTime{now.seconds - 36 * kHour}}, {0}));
  EXPECT_TRUE(is_missed(now, {.last_success = UnixTime{now.seconds - 36 * kHour - 1}}, {0}));
  EXPECT_FALSE(is_missed(now, {}, {now.seconds - kHour})) << "a new station";
  EXPECT_TRUE(is_missed(now, {}, {now.seconds - 40 * kHour}));
}

// Goal: a silent station is counted in days on which somebody is there.
TEST_F(ScheduleTest, CountsWorkingDays) {
  const UnixTime friday = utc(2026, 7, 10, 15, 0);
  EXPECT_EQ(working_days_between(friday, utc(2026, 7, 10, 20, 0)), 0U);
  EXPECT_EQ(working_days_between(friday, utc(2026, 7, 13, 8, 0)), 0U) << "Monday: only the weekend lies between";
  EXPECT_EQ(working_days_between(friday, utc(2026, 7, 15, 8, 0)), 2U);
  EXPECT_EQ(working_days_between(friday, utc(2026, 7, 20, 8, 0)), 5U);
  EXPECT_EQ(working_days_between(utc(2026, 7, 20, 8, 0), friday), 0U) << "a clock that went back";
}

TEST_F(ScheduleTest, PushRetriesGrowToAnHour) {
  EXPECT_EQ(push_retry_delay(0), std::chrono::seconds(60));
  EXPECT_EQ(push_retry_delay(1), std::chrono::seconds(60));
  EXPECT_EQ(push_retry_delay(2), std::chrono::seconds(120));
  EXPECT_EQ(push_retry_delay(6), std::chrono::seconds(1920));
  EXPECT_EQ(push_retry_delay(7), std::chrono::seconds(3600));
  EXPECT_EQ(push_retry_delay(UINT32_MAX), std::chrono::seconds(3600));
}

class NightlyPlanTest : public ScheduleTest {
 protected:
  /// `passed_s` seconds go by on both clocks.
  bool tick(std::int64_t passed_s) {
    now_.seconds += passed_s;
    monotonic_ += std::chrono::seconds(passed_s);
    return plan_.is_time(now_, monotonic_, memory_);
  }
  int draws_ = 0;
  ScheduleMemory memory_;
  UnixTime now_ = utc(2026, 7, 15, 12, 0);
  milliseconds monotonic_{5000};
  NightlyPlan plan_{settings_, [this] { return ++draws_, std::int64_t{600}; }};
};

// Goal: a missed night is made up for after three minutes, although the plan is looked at every few seconds.
TEST_F(NightlyPlanTest, CatchUpIsNotPutOffByLookingAtIt) {
  EXPECT_FALSE(tick(0));
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(tick(20));
  EXPECT_TRUE(tick(20));
  EXPECT_EQ(draws_, 1);
}

// Goal: after a success the next start is tonight's, with one random delay for the night.
TEST_F(NightlyPlanTest, PlansAnewAfterABackup) {
  tick(0);
  memory_.last_success = now_;
  EXPECT_FALSE(tick(20));
  EXPECT_EQ(plan_.planned(), utc(2026, 7, 15, 20, 40));
  EXPECT_FALSE(tick(8 * kHour));
  EXPECT_EQ(draws_, 2);
  EXPECT_TRUE(tick(kHour));
}

// Goal: the clock is put right by a day, forward or back, or the PC sleeps: the plan follows the new time.
TEST_F(NightlyPlanTest, FollowsAClockThatJumps) {
  memory_.last_success = now_;
  tick(0);
  EXPECT_EQ(plan_.planned(), utc(2026, 7, 15, 20, 40));
  now_.seconds += 24 * kHour;
  EXPECT_FALSE(tick(20)) << "a night went by asleep: not in the first second after waking up";
  EXPECT_EQ(plan_.planned()->seconds, now_.seconds + kCatchUpDelayS);
  now_.seconds -= 24 * kHour;
  EXPECT_FALSE(tick(20));
  EXPECT_EQ(plan_.planned(), utc(2026, 7, 15, 20, 40));
}

}  // namespace
}  // namespace beffroi::daemon
