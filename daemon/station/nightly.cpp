#include "daemon/station/nightly.h"

#include <spdlog/spdlog.h>

#include <cstdlib>

namespace beffroi::daemon {
namespace {

constexpr std::chrono::seconds kTick{20};
/// The two clocks may drift apart by this much between two ticks before it counts as a jump.
constexpr std::int64_t kJumpS = 120;

bool same(const ScheduleMemory& a, const ScheduleMemory& b) {
  return a.last_success == b.last_success && a.last_attempt == b.last_attempt && a.failures == b.failures;
}

asio::awaitable<void> run_tonight(StationContext& station) {
  const auto job = station.jobs.begin(JobKind::backup);
  if (!job) co_return;  // somebody backs up or pushes by hand: the next tick tries again
  spdlog::info("the nightly backup starts");
  BackupWords words;
  words.nightly = true;
  const auto outcome = co_await back_up(station, (*job)->progress(), words);
  if (outcome && outcome->sync_error) spdlog::warn("{}", outcome->sync_error->message());
}

}  // namespace

bool NightlyPlan::jumped(storage::UnixTime now, std::chrono::milliseconds monotonic) const {
  const std::int64_t wall_s = now.seconds - last_now_.seconds;
  const std::int64_t passed_s = (monotonic - last_monotonic_).count() / 1000;
  return std::abs(wall_s - passed_s) > kJumpS;
}

bool NightlyPlan::is_time(storage::UnixTime now, std::chrono::milliseconds monotonic, const ScheduleMemory& memory) {
  if (!planned_ || !memory_ || !same(*memory_, memory) || jumped(now, monotonic)) {
    planned_ = next_start(now, settings_, memory, draw_delay_s_());
    memory_ = memory;
  }
  last_now_ = now;
  last_monotonic_ = monotonic;
  return *planned_ <= now;
}

asio::awaitable<void> keep_nightly_backups(StationContext& station) {
  const auto draw_delay_s = [&station] {
    const std::uint64_t most_s = std::uint64_t{station.settings.schedule.random_delay_min} * 60;
    return static_cast<std::int64_t>(station.random.below(most_s + 1));
  };
  NightlyPlan plan(station.settings.schedule, draw_delay_s);
  if (!station.settings.schedule.enabled) co_return;
  do {
    const bool ready = station.vault->founded() && !station.facts().sources.empty();
    if (!ready) continue;
    const auto memory = co_await station.work.run([&station] { return station.state.schedule(); });
    const bool time = plan.is_time(station.clock.now(), station.clock.monotonic(), memory);
    station.next_backup = plan.planned();
    if (time) co_await run_tonight(station);
  } while (co_await station.background.pause(kTick));
}

}  // namespace beffroi::daemon
