#include "daemon/service/schedule.h"

#include <algorithm>
#include <ctime>

#include "daemon/service/hours.h"

namespace beffroi::daemon {
namespace {

constexpr std::int64_t kDayS = 24 * 3600;
constexpr std::int64_t kFirstRetryS = 10 * 60;
constexpr std::int64_t kLongestRetryS = 4 * 3600;
constexpr std::uint32_t kMaxDaysCounted = 3660;

/// The due time on the calendar day that is `days` after that of `now`.
storage::UnixTime due_on_day(storage::UnixTime now, int days, std::uint32_t at_minute) {
  std::tm day = local_time(now);
  day.tm_mday += days;
  day.tm_hour = static_cast<int>(at_minute / 60);
  day.tm_min = static_cast<int>(at_minute % 60);
  day.tm_sec = 0;
  std::tm summer = day;
  std::tm winter = day;
  // Where the minute exists twice, reading it as summer time gives the first; where it doesn't exist, both readings
  // move it by an hour, and the later one is behind the gap.
  summer.tm_isdst = 1;
  winter.tm_isdst = 0;
  day.tm_isdst = -1;
  const std::int64_t guessed = std::mktime(&day);
  const std::int64_t as_summer = std::mktime(&summer);
  const std::int64_t as_winter = std::mktime(&winter);
  const auto says_minute = [at_minute](std::int64_t time) {
    const std::tm shown = local_time({time});
    return static_cast<std::uint32_t>(shown.tm_hour * 60 + shown.tm_min) == at_minute;
  };
  if (as_summer != -1 && says_minute(as_summer)) return {as_summer};
  if (as_winter != -1 && says_minute(as_winter)) return {as_winter};
  return {std::max({guessed, as_summer, as_winter})};
}

}  // namespace

std::int64_t retry_delay_s(std::uint32_t failures) {
  const std::uint32_t doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 10);
  return std::min(kFirstRetryS << doublings, kLongestRetryS);
}

storage::UnixTime last_due(storage::UnixTime now, std::uint32_t at_minute) {
  for (int days = 0; days > -3; --days) {
    const auto due = due_on_day(now, days, at_minute);
    if (due <= now) return due;
  }
  return {now.seconds - kDayS};
}

storage::UnixTime next_due(storage::UnixTime now, std::uint32_t at_minute) {
  for (int days = 0; days < 3; ++days) {
    const auto due = due_on_day(now, days, at_minute);
    if (due > now) return due;
  }
  return {now.seconds + kDayS};
}

storage::UnixTime next_start(storage::UnixTime now, const ScheduleSettings& settings, const ScheduleMemory& memory,
                             std::int64_t random_delay_s) {
  const auto believable = [now](const std::optional<storage::UnixTime>& time) {
    return time && *time <= now ? time : std::nullopt;
  };
  const auto success = believable(memory.last_success);
  const auto attempt = believable(memory.last_attempt);
  const auto due = last_due(now, settings.at_minute);
  if (success && *success >= due) return {next_due(now, settings.at_minute).seconds + random_delay_s};
  if (attempt && *attempt >= due) {
    return std::max(now, storage::UnixTime{attempt->seconds + retry_delay_s(memory.failures)});
  }
  // Neither tried since the last due time. Just now it fell due: its random delay still counts. Longer ago: catch up.
  const storage::UnixTime planned{due.seconds + random_delay_s};
  return planned >= now ? planned : storage::UnixTime{now.seconds + kCatchUpDelayS};
}

bool is_missed(storage::UnixTime now, const ScheduleMemory& memory, storage::UnixTime founded) {
  const auto since = memory.last_success.value_or(founded);
  return now.seconds - since.seconds > kMissedAfterS;
}

std::uint32_t working_days_between(storage::UnixTime from, storage::UnixTime to) {
  std::uint32_t count = 0;
  std::tm day = local_time(from);
  const std::tm last = local_time(to);
  for (std::uint32_t passed = 0; passed < kMaxDaysCounted; ++passed) {
    day.tm_mday += 1;
    day.tm_hour = 12;
    day.tm_isdst = -1;
    if (std::mktime(&day) == -1) break;
    const bool reached = day.tm_year > last.tm_year || (day.tm_year == last.tm_year && day.tm_yday >= last.tm_yday);
    if (reached) break;
    if (day.tm_wday >= 1 && day.tm_wday <= 5) ++count;
  }
  return count;
}

}  // namespace beffroi::daemon
