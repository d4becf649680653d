#include "daemon/station/sync_job.h"

#include <spdlog/spdlog.h>

#include "daemon/service/translate.h"
#include "daemon/station/collecting.h"
#include "daemon/station/damaged_files.h"
#include "daemon/station/declared_losses.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::seconds kFirstRetry{60};
constexpr std::chrono::seconds kLongestRetry{3600};
/// As many tries in a row as make the pause the longest.
constexpr std::uint32_t kTriesOfLongestRetry = 7;
constexpr const char* kPushAlarm = "push_failed";
constexpr const char* kLossAlarm = "integrity:loss";
constexpr const char* kRecoveryAlarm = "integrity:recovery";

asio::awaitable<Result<PushResult>> talk(StationContext& station, PeerLink& link, Progress& progress) {
  BEFFROI_CO_CHECK(co_await link.exchange_state(*station.vault, station.work));
  BEFFROI_CO_CHECK(co_await station.work.run([&station] { return ring_for_losses(station); }));
  if (station.state.trees_missing()) {
    BEFFROI_CO_TRY(const std::uint64_t missing, co_await link.fetch_trees(*station.vault, station.work, progress));
    tell_missing(station, missing);
    station.state.set_trees_missing(false);
  }
  BEFFROI_CO_TRY(PushResult pushed, co_await link.push(*station.vault, station.work, progress, &station.line));
  BEFFROI_CO_CHECK(co_await station.work.run([&station] { return settle_losses(station); }));
  co_return std::move(pushed);
}

asio::awaitable<Result<PushResult>> connect_and_talk(StationContext& station, Progress& progress) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station));
  auto outcome = co_await talk(station, *link, progress);
  // What a push that fails has sent was sent all the same.
  progress.wire_bytes_sent += link->bytes_sent();
  co_await link->close();
  co_return outcome;
}

void remember(StationContext& station, const Result<PushResult>& outcome, std::optional<std::uint64_t> line_speed) {
  PeerContact contact = station.state.contact();
  const bool answered = outcome || !is_passing(outcome.error().code);
  contact.reachable = answered;
  contact.error = outcome ? std::nullopt : std::optional(outcome.error());
  if (answered) contact.last_contact = station.clock.now();
  station.state.set_contact(contact);
  if (line_speed && line_speed != station.state.line_speed()) station.state.set_line_speed(*line_speed);
}

/// A failure that no waiting mends must be heard of: the backups go on here, and nobody would look.
void ring(StationContext& station, const Result<PushResult>& outcome) {
  if (outcome) {
    station.clear_alarm(kPeerAlarm);
    station.clear_alarm(kPushAlarm);
    return;
  }
  const Error& error = outcome.error();
  if (error.code == ErrorCode::corrupt) return station.raise_alarm(kPeerAlarm, error);
  // wrong_state: the next backup mends it. If not, the missing receipt is an alarm of its own.
  if (is_passing(error.code) || error.code == ErrorCode::cancelled || error.code == ErrorCode::wrong_state) return;
  station.raise_alarm(
      kPushAlarm, Error{error.code,
                        N_("Backups are made, but stay on this machine only: they no longer reach the peer. {} Call "
                           "your technician if you can't mend it."),
                        {translated(error.text, error.args)}});
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// The peer asks for what it lost at every push: the files are looked for only when that has changed.
asio::awaitable<void> tell_losses(StationContext& station, const PushResult& pushed, Progress& progress) {
  std::set<storage::ObjectId> lost(pushed.could_not_heal.begin(), pushed.could_not_heal.end());
  if (lost.empty()) station.clear_alarm(kLossAlarm);
  if (lost.empty() || lost == station.told_lost) co_return station.told_lost.swap(lost);
  const auto found = co_await station.streams.run(
      [&station, &lost, &progress] { return files_that_need(*station.vault, lost, progress.cancel); });
  if (!found) {
    spdlog::warn("{}", found.error().message());
    co_return;
  }
  station.told_lost = std::move(lost);
  if (found->total == 0) co_return;
  station.raise_alarm(kLossAlarm,
                      Error{ErrorCode::corrupt,
                            N_("The peer lost data that this machine no longer has either. Files of older snapshots "
                               "that can't be restored whole: {}, such as {}. What is still in your folders is stored "
                               "anew by the next backup."),
                            {std::to_string(found->total), joined(found->first)}});
}

}  // namespace

bool is_passing(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timeout || code == ErrorCode::protocol ||
         code == ErrorCode::busy || code == ErrorCode::conflict;
}

std::chrono::seconds push_retry_delay(std::uint32_t tries) {
  const std::uint32_t doublings = std::min<std::uint32_t>(tries == 0 ? 0 : tries - 1, 10);
  return std::min(kFirstRetry * (1U << doublings), kLongestRetry);
}

void tell_missing(StationContext& station, std::uint64_t missing) {
  if (missing == 0) return station.clear_alarm(kRecoveryAlarm);
  station.raise_alarm(kRecoveryAlarm,
                      Error{ErrorCode::corrupt,
                            N_("{} objects of the recovered snapshots are missing at the peer: not all of them can be "
                               "restored whole. 'beffroi check --at peer' says which."),
                            {std::to_string(missing)}});
}

asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect_to_peer(StationContext& station) {
  BEFFROI_CO_CHECK(require_vault(station));
  const auto binding = station.vault->peer();
  if (!binding)
    co_return fail(ErrorCode::wrong_state,
                   N_("This station has not joined a peer. Ask for an invitation, then use 'beffroi join'."));
  co_return co_await PeerLink::connect(station.connector, binding->address, station.vault->device_keys().transport_seed,
                                       binding->peer, station.vault->space());
}

asio::awaitable<Result<PushResult>> push_to_peer(StationContext& station, std::shared_ptr<Progress> progress) {
  BEFFROI_CO_CHECK(require_vault(station));
  if (!station.vault->peer())
    co_return fail(ErrorCode::wrong_state,
                   N_("This station has not joined a peer. Ask for an invitation, then use 'beffroi join'."));
  progress->phase = Phase::pushing;
  auto outcome = co_await connect_and_talk(station, *progress);
  if (outcome) {
    station.push_wanted = false;
    spdlog::info("pushed: {} snapshots, {} objects, {} bytes", outcome->commits, outcome->objects_sent,
                 outcome->bytes_sent);
  } else {
    spdlog::warn("push: {}", outcome.error().message());
    station.push_wanted = station.settings.schedule.enabled;
  }
  ring(station, outcome);
  if (outcome) {
    co_await tell_losses(station, *outcome, *progress);
    co_await collect_if_due(station, progress);
  }
  co_await station.work.run([&station, &outcome, line_speed = station.line.bytes_per_second()] {
    remember(station, outcome, line_speed);
    return true;
  });
  co_await station.refresh_facts();
  co_return outcome;
}

asio::awaitable<std::uint32_t> push_if_wanted(StationContext& station, std::uint32_t tries) {
  if (!station.push_wanted) co_return 1;
  if (!station.vault->peer()) co_return tries;
  const auto job = station.jobs.begin(JobKind::sync);
  if (!job) co_return tries;  // somebody pushes already, or backs up and will push
  const auto outcome = co_await push_to_peer(station, (*job)->progress());
  if (outcome) co_return 1;
  co_return is_passing(outcome.error().code) ? tries + 1 : kTriesOfLongestRetry;
}

asio::awaitable<void> keep_pushing(StationContext& station) {
  std::uint32_t tries = 1;
  while (co_await station.background.pause(push_retry_delay(tries))) tries = co_await push_if_wanted(station, tries);
}

}  // namespace beffroi::daemon
