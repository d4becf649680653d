#include "daemon/station/housekeeping.h"

#include <algorithm>

#include "daemon/api/json.h"
#include "daemon/service/schedule.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::seconds kRound{60};
constexpr const char* kDiskAlarm = "disk_full";
constexpr const char* kMissedAlarm = "backup_missed";
constexpr const char* kKeysAlarm = "integrity:keys";
constexpr const char* kUnconfirmedAlarm = "receipt_late";
constexpr const char* kDeletionAlarm = "deletion_waiting";
constexpr const char* kAuditsAlarm = "audit_unanswered";
constexpr const char* kClocksAlarm = "clocks_differ";
constexpr std::size_t kIdDigitsShown = 12;
constexpr std::size_t kDateLength = 10;  // of "2026-11-23T22:30:05Z"
constexpr std::int64_t kDayS = 24LL * 3600;
constexpr std::uint64_t kMiB = 1024ULL * 1024;

void look_at_disk(StationContext& station, const StationFacts& facts) {
  if (!facts.disk_nearly_full) {
    station.clear_alarm(kDiskAlarm);
    return;
  }
  station.raise_alarm(kDiskAlarm,
                      Error{ErrorCode::disk_full,
                            N_("The disk of {} is nearly full: {} MiB are free. Make room, or backups will stop."),
                            {station.settings.data, std::to_string(facts.free_bytes / kMiB)}});
}

void look_at_nights(StationContext& station, const StationFacts& facts, std::chrono::milliseconds running_for) {
  const auto founded = station.state.founded_at();
  if (!station.settings.schedule.enabled || facts.sources.empty() || !founded || running_for < kMissedGrace) return;
  const ScheduleMemory memory = station.state.schedule();
  if (!is_missed(station.clock.now(), memory, *founded)) {
    station.clear_alarm(kMissedAlarm);
    return;
  }
  station.raise_alarm(kMissedAlarm,
                      Error{ErrorCode::wrong_state,
                            N_("There has been no backup for more than a day and a half. 'beffroi backup' makes one; "
                               "'beffroi status' says what is wrong."),
                            {}});
}

/// Whoever signed keys that nobody can open locks the others out, by a fault or on purpose.
void look_at_keys(StationContext& station) {
  const auto problems = station.vault->key_problems();
  if (problems.empty()) return station.clear_alarm(kKeysAlarm);
  const storage::EpochProblem& newest = problems.front();
  const storage::SpaceLog log = station.vault->log();
  std::string signer = to_hex(newest.signer);
  for (const auto& [id, device] : log.devices())
    if (device.keys.sign == newest.signer) signer = id.hex();
  if (log.root().sign == newest.signer) signer = log.root().id().hex();
  station.raise_alarm(
      kKeysAlarm, Error{ErrorCode::corrupt,
                        N_("The keys of this vault were renewed (number {}), and those for this machine are not right. "
                           "The device {} signed them. Call your technician, with the kit."),
                        {std::to_string(newest.epoch.value), signer}});
}

/// Whatever the reason: no line, a peer that always answers something that passes, a push that never ends.
void look_at_receipts(StationContext& station, const StationFacts& facts, std::chrono::milliseconds running_for) {
  if (!facts.unconfirmed_since) return station.clear_alarm(kUnconfirmedAlarm);
  const bool late = station.clock.now().seconds - facts.unconfirmed_since->seconds > kReceiptPatienceDays * kDayS;
  if (!late) return station.clear_alarm(kUnconfirmedAlarm);
  if (running_for < kMissedGrace) return;
  station.raise_alarm(kUnconfirmedAlarm,
                      Error{ErrorCode::timeout,
                            N_("For more than {} days the peer has confirmed no backup: what is new is on this machine "
                               "only. 'beffroi status' says what is wrong; call your technician if you can't mend it."),
                            {std::to_string(kReceiptPatienceDays)}});
}

/// Each night may have its reason; a peer that has lost something can give one every night.
void look_at_audits(StationContext& station) {
  const AuditMemory memory = station.state.audits();
  const bool late = memory.since && station.clock.now().seconds - memory.since->seconds > kAuditPatienceDays * kDayS;
  if (!late || memory.unanswered < kUnansweredAudits) return station.clear_alarm(kAuditsAlarm);
  station.raise_alarm(
      kAuditsAlarm,
      Error{ErrorCode::timeout,
            N_("Each night the peer is asked, as a test, for a few parts of your backups. For more than {} days, {} "
               "times in a row, it has not answered: nobody knows whether it still has them. Tell the EPCI."),
            {std::to_string(kAuditPatienceDays), std::to_string(memory.unanswered)}});
}

void look_at_clocks(StationContext& station, const StationFacts& facts) {
  if (!facts.clocks_differ) return station.clear_alarm(kClocksAlarm);
  station.raise_alarm(
      kClocksAlarm,
      Error{ErrorCode::wrong_state,
            N_("The clocks of this machine ({}) and of the peer ({}) do not agree. Set this machine's clock right; if "
               "it is right, tell the EPCI. Until then old snapshots may stay listed here that the peer let go."),
            {time_text(facts.clocks_differ->here).substr(0, kDateLength),
             time_text(facts.clocks_differ->peer).substr(0, kDateLength)}});
}

}  // namespace

// Every member sees it, and each can stop it: who has the kit's words is not always who should have them.
void look_at_deletions(StationContext& station) {
  const auto all = station.vault->deletions();
  const auto waits = [](const Deletion& deletion) { return deletion.state == Deletion::State::waiting; };
  const auto first = std::ranges::find_if(all, waits);
  if (first == all.end()) return station.clear_alarm(kDeletionAlarm);
  station.raise_alarm(
      kDeletionAlarm,
      Error{ErrorCode::wrong_state,
            N_("Snapshots are to be deleted: {}. This was signed with the kit on {}, and is not done before {}. If "
               "nobody at the town hall wanted it, stop it now: 'beffroi undelete {}'."),
            {std::to_string(first->commits.size()), time_text(first->signed_at).substr(0, kDateLength),
             time_text(first->due).substr(0, kDateLength), first->id.hex().substr(0, kIdDigitsShown)}});
}

void look_for_alarms(StationContext& station, std::chrono::milliseconds running_for) {
  const StationFacts facts = station.facts();
  look_at_disk(station, facts);
  if (!facts.founded) return;
  look_at_nights(station, facts, running_for);
  look_at_receipts(station, facts, running_for);
  look_at_keys(station);
  look_at_deletions(station);
  look_at_audits(station);
  look_at_clocks(station, facts);
}

asio::awaitable<void> keep_house(StationContext& station) {
  const auto started = station.clock.monotonic();
  do {
    co_await station.refresh_facts();
    co_await station.work.run([&station, started] {
      look_for_alarms(station, station.clock.monotonic() - started);
      return true;
    });
    co_await station.refresh_sources(std::chrono::milliseconds(0));
  } while (co_await station.background.pause(kRound));
}

}  // namespace beffroi::daemon
