// The station's clockwork: when the next nightly backup starts, and the loop that starts it.
#pragma once

#include "daemon/station/backup_job.h"

namespace beffroi::daemon {

/// Holds one planned start and makes a new plan when there is reason to. Pure: times come in.
class NightlyPlan {
 public:
  /// `draw_delay_s` gives this night's random delay.
  NightlyPlan(const ScheduleSettings& settings, std::function<std::int64_t()> draw_delay_s)
      : settings_(settings), draw_delay_s_(std::move(draw_delay_s)) {}
  /// Is it time? Called every few seconds. A new plan is made at first, when the memory changed (a backup ended), and
  /// when the wall clock jumped against the monotonic one (set right, or the PC slept).
  bool is_time(storage::UnixTime now, std::chrono::milliseconds monotonic, const ScheduleMemory& memory);
  std::optional<storage::UnixTime> planned() const { return planned_; }

 private:
  bool jumped(storage::UnixTime now, std::chrono::milliseconds monotonic) const;
  ScheduleSettings settings_;
  std::function<std::int64_t()> draw_delay_s_;
  std::optional<storage::UnixTime> planned_;
  std::optional<ScheduleMemory> memory_;
  storage::UnixTime last_now_;
  std::chrono::milliseconds last_monotonic_{};
};

/// Runs the nightly backup as planned, and again after failures, until the station ends.
asio::awaitable<void> keep_nightly_backups(StationContext& station);

}  // namespace beffroi::daemon
