// When the nightly backup runs: pure decisions over given times, so that every case (a missed night, a clock that
// jumps, the hour that exists twice) is a table in a test. The coroutine that waits is in station/nightly.cpp.
#pragma once

#include <optional>

#include "daemon/service/config.h"
#include "storage/format/types.h"

namespace beffroi::daemon {

/// What the scheduler remembers, durable in the state table.
struct ScheduleMemory {
  std::optional<storage::UnixTime> last_success{};
  std::optional<storage::UnixTime> last_attempt{};
  std::uint32_t failures = 0;  ///< in a row since the last success
};

/// Wait after start-up before a missed night is made up for: the PC is busy starting.
inline constexpr std::int64_t kCatchUpDelayS = 3 * 60;
/// Wait after the n-th failure in a row: 10 minutes, doubled each time, at most 4 hours.
std::int64_t retry_delay_s(std::uint32_t failures);

/// The last time, not after `now`, at which a nightly backup was due, in local time (TZ). `at_minute` of the day; in a
/// night where that minute does not exist (DST), the first minute after it; where it exists twice, the first.
storage::UnixTime last_due(storage::UnixTime now, std::uint32_t at_minute);
/// The first due time after `now`.
storage::UnixTime next_due(storage::UnixTime now, std::uint32_t at_minute);

/// When the next backup is to start. Never before `now`.
/// - due in the night to come: next_due + `random_delay_s`
/// - the last due night has no success yet (PC was off, or it failed): `now` + catch-up or retry delay
/// - remembered times in the future (the clock was wrong): they count as never
storage::UnixTime next_start(storage::UnixTime now, const ScheduleSettings& settings, const ScheduleMemory& memory,
                             std::int64_t random_delay_s);

/// More than this without a success raises the "missed" alarm.
inline constexpr std::int64_t kMissedAfterS = 36 * 3600;
bool is_missed(storage::UnixTime now, const ScheduleMemory& memory, storage::UnixTime founded);

/// Whole working days (Monday to Friday, local time) that lie between two times, ends left out.
std::uint32_t working_days_between(storage::UnixTime from, storage::UnixTime to);

}  // namespace beffroi::daemon
