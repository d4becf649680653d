// Goal: a push takes as much of the line as is allowed at this hour, and no more; and the line is measured by what it
// carries when nothing is limited.
#include "daemon/sync/line.h"

#include <gtest/gtest.h>

#include <ctime>

namespace beffroi::daemon {
namespace {

using namespace std::chrono_literals;

class LineTest : public ::testing::Test {
 protected:
  /// Today at this local time.
  void set_time(int hour, int minute) {
    std::tm local{};
    const std::time_t some_day = 1'800'000'000;
    localtime_r(&some_day, &local);
    local.tm_hour = hour;
    local.tm_min = minute;
    local.tm_isdst = -1;
    clock_.wall_s = std::mktime(&local);
  }
  static UploadLimit fixed(std::uint32_t from_hour, std::uint32_t until_hour) {
    return {.kind = UploadLimit::Kind::fixed,
            .bytes_per_second = 50'000,
            .hours = {.from = from_hour * 60, .until = until_hour * 60}};
  }
  ManualClock clock_;
};

TEST_F(LineTest, ALimitHoldsDuringItsHoursOnly) {
  const Line line(clock_, fixed(8, 18), {});
  const std::map<std::pair<int, int>, bool> limited = {{{7, 59}, false}, {{8, 0}, true},   {{12, 30}, true},
                                                       {{17, 59}, true}, {{18, 0}, false}, {{0, 0}, false}};
  for (const auto& [time, expected] : limited) {
    set_time(time.first, time.second);
    EXPECT_EQ(line.allowed().has_value(), expected) << time.first << ':' << time.second;
  }
}

TEST_F(LineTest, HoursMayPassMidnightOrFillTheDay) {
  const Line night(clock_, fixed(20, 6), {});
  const Line always(clock_, fixed(8, 8), {});
  for (const auto& [hour, expected] : std::map<int, bool>{{21, true}, {3, true}, {6, false}, {12, false}, {20, true}}) {
    set_time(hour, 0);
    EXPECT_EQ(night.allowed().has_value(), expected) << hour;
    EXPECT_EQ(always.allowed(), 50'000U) << hour;
  }
}

TEST_F(LineTest, HalfOfWhatIsKnownAndNothingBefore) {
  set_time(10, 0);
  Line line(clock_, {}, {});
  EXPECT_EQ(line.allowed(), std::nullopt);
  line.carried(1'000'000, 1s, Line::Measure::exact);
  EXPECT_EQ(line.bytes_per_second(), 1'000'000U);
  EXPECT_EQ(line.allowed(), 500'000U);
  // Under the limit half of it passes: that makes the line no slower.
  line.carried(500'000, 1s, Line::Measure::exact);
  EXPECT_EQ(line.allowed(), 500'000U);
  // Not even half of that does: so it is slower.
  line.carried(200'000, 1s, Line::Measure::exact);
  EXPECT_EQ(line.bytes_per_second(), 800'000U);
  set_time(22, 0);
  EXPECT_EQ(line.allowed(), std::nullopt);
  line.carried(400'000, 1s, Line::Measure::exact);
  EXPECT_EQ(line.bytes_per_second(), 700'000U);
}

TEST_F(LineTest, AnswersThatWereHeldUpAreNoMiracle) {
  set_time(10, 0);
  Line line(clock_, {}, 100'000);
  line.carried(1'000'000, 25ms, Line::Measure::exact);
  EXPECT_EQ(line.bytes_per_second(), 125'000U);
}

TEST_F(LineTest, WhereTheLineWasNotWaitedForItIsNotSlow) {
  set_time(22, 0);
  Line line(clock_, {}, 1'000'000);
  line.carried(1'000, 600s, Line::Measure::least);
  EXPECT_EQ(line.bytes_per_second(), 1'000'000U);
  line.carried(1'400'000, 1s, Line::Measure::least);
  EXPECT_EQ(line.bytes_per_second(), 1'100'000U);
}

TEST_F(LineTest, NeverSoSlowThatThePeerGivesUp) {
  set_time(10, 0);
  const Line line(clock_, {}, 10'000);
  EXPECT_EQ(line.allowed(), kSlowestUploadLimit);
}

TEST_F(LineTest, NoLimitAndMeasurementsTooShortToMeanAnything) {
  set_time(10, 0);
  Line line(clock_, {.kind = UploadLimit::Kind::none, .hours = {}}, {});
  line.carried(5'000'000, 1ms, Line::Measure::exact);
  EXPECT_EQ(line.bytes_per_second(), std::nullopt);
  line.carried(5'000'000, 1s, Line::Measure::exact);
  EXPECT_EQ(line.allowed(), std::nullopt);
}

}  // namespace
}  // namespace beffroi::daemon
