#include "daemon/station/backup_job.h"

#include <spdlog/spdlog.h>

#include "daemon/service/translate.h"
#include "daemon/station/audit_job.h"
#include "daemon/station/collecting.h"
#include "daemon/station/sending_ahead.h"
#include "daemon/station/source_alarms.h"

namespace beffroi::daemon {
namespace {

constexpr const char* kFailedAlarm = "backup_failed";
constexpr const char* kMissedAlarm = "backup_missed";
constexpr const char* kIntegrityAlarm = "integrity:backup";
constexpr const char* kDamageAlarm = "integrity:snapshot";

/// Levels of zstd. Where nothing has to pass a line, the processor's time counts; on a slow line each byte does.
int level_for(std::optional<std::uint64_t> line_speed) {
  constexpr std::uint64_t kFastBytesPerSecond = 10'000'000;
  constexpr std::uint64_t kSlowBytesPerSecond = 1'000'000;
  constexpr int kQuick = 1;
  constexpr int kThorough = 6;
  if (!line_speed) return storage::kDefaultCompressionLevel;
  if (*line_speed < kSlowBytesPerSecond) return kThorough;
  return *line_speed < kFastBytesPerSecond ? storage::kDefaultCompressionLevel : kQuick;
}

/// What the backup and its line have to do with each other. `stored` is nullptr when nothing is sent meanwhile.
void mind_the_line(BackupRequest& request, const StationContext& station, std::optional<std::uint64_t> line_speed,
                   StoredObjects* stored) {
  constexpr std::uint64_t kSoonSeconds = 60;
  const bool has_peer = station.vault->peer().has_value();
  // Without a peer nobody gives receipts for the parts, and no byte has to pass a line.
  request.partial_step_bytes = has_peer ? station.settings.partial_step_bytes : 0;
  request.compression_level = [=] {
    if (!has_peer) return level_for(UINT64_MAX);
    return level_for(stored != nullptr ? stored->line_speed() : line_speed);
  };
  if (stored == nullptr) return;
  stored->set_line_speed(line_speed);
  request.on_stored = [stored](std::span<const storage::ObjectId> ids) { stored->add(ids); };
  request.soon_sent_bytes = [stored] { return stored->sent_bytes() + kSoonSeconds * stored->forecast(); };
}

Result<BackupResult> run_guarded(StationContext& station, const BackupWords& words, Progress& progress,
                                 std::optional<std::uint64_t> line_speed, StoredObjects* stored) {
  BEFFROI_TRY(const auto sources, SourceList(*station.vault).all());
  if (sources.empty())
    return fail(ErrorCode::wrong_state,
                N_("Nothing is chosen for the backup yet. Choose a folder with 'beffroi source add'."));
  BackupRequest request;
  request.tags = words.tags;
  request.dry_run = words.dry_run;
  request.rehash = words.rehash;
  request.accept_empty = words.accept_empty;
  request.threads = station.settings.threads;
  const auto& yielding = station.settings.yield_hours;
  if (yielding && yielding->contain(station.clock.now())) request.priority = Priority::idle;
  request.limits = station.settings.limits;
  mind_the_line(request, station, line_speed, stored);
  try {
    return run_backup(*station.vault, sources, request, progress);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::io, N_("The backup could not go on: {}."), std::string(exception.what()));
  }
}

/// Neither a dry run nor a backup that was stopped on purpose counts. One that could not begin does when nobody is
/// watching: it must be heard of, and not be tried again at once.
bool counts(const Result<BackupResult>& outcome, const BackupWords& words) {
  if (words.dry_run) return false;
  if (outcome) return true;
  const ErrorCode code = outcome.error().code;
  return code != ErrorCode::cancelled && (words.nightly || code != ErrorCode::wrong_state);
}

/// What the scheduler and the status keep of a backup.
void remember(StationContext& station, const Result<BackupResult>& outcome) {
  const auto now = station.clock.now();
  ScheduleMemory memory = station.state.schedule();
  LastBackup last{.snapshot = {}, .time = now, .partial = false, .error = {}};
  memory.last_attempt = now;
  if (outcome) {
    memory.last_success = now;
    memory.failures = 0;
    if (outcome->snapshot) last.snapshot = outcome->snapshot->hex();
    last.partial = outcome->incomplete();
  } else {
    ++memory.failures;
    last.error = outcome.error();
  }
  station.state.set_schedule(memory);
  station.state.set_last_backup(last);
}

void ring(StationContext& station, const Result<BackupResult>& outcome, bool nightly) {
  if (outcome) {
    station.clear_alarm(kFailedAlarm);
    station.clear_alarm(kMissedAlarm);
    station.clear_alarm(kIntegrityAlarm);
    ring_for_sources(station, *outcome);
    // Older snapshots stay damaged: only a check that finds nothing clears it.
    if (outcome->damages > 0)
      station.raise_alarm(kDamageAlarm,
                          Error{ErrorCode::corrupt,
                                N_("This machine's store of snapshots is damaged. What is in the folders was stored "
                                   "anew; 'beffroi check --read-data' names what older snapshots have lost. Have the "
                                   "disk looked at."),
                                {}});
    return;
  }
  const Error& error = outcome.error();
  if (error.code == ErrorCode::corrupt) station.raise_alarm(kIntegrityAlarm, error);
  if (nightly)
    station.raise_alarm(kFailedAlarm,
                        Error{error.code, N_("Last night's backup failed: {}"), {translated(error.text, error.args)}});
}

asio::awaitable<Result<BackupResult>> back_up_here(StationContext& station, const std::shared_ptr<Progress>& progress,
                                                   const BackupWords& words) {
  std::optional<SendingAhead> ahead;
  if (words.sync && !words.dry_run && station.vault->peer()) ahead.emplace(station, progress);
  StoredObjects* stored = ahead ? &ahead->objects() : nullptr;
  const auto run = [&station, &words, &progress, line_speed = station.line.bytes_per_second(), stored] {
    auto outcome = run_guarded(station, words, *progress, line_speed, stored);
    if (counts(outcome, words)) {
      remember(station, outcome);
      ring(station, outcome, words.nightly);
    }
    return outcome;
  };
  auto outcome = co_await station.streams.run(run);
  if (ahead) co_await ahead->end();
  if (outcome && outcome->snapshot)
    spdlog::info("backup: snapshot {}, {} bytes read, {} stored, {} problems", outcome->snapshot->hex(),
                 outcome->statistics.bytes_read, outcome->statistics.bytes_added, outcome->problems_total);
  if (!outcome) spdlog::warn("backup: {}", outcome.error().message());
  co_await station.refresh_facts();
  co_return outcome;
}

}  // namespace

asio::awaitable<Result<BackupOutcome>> back_up(StationContext& station, std::shared_ptr<Progress> progress,
                                               BackupWords words) {
  BEFFROI_CO_CHECK(require_vault(station));
  BackupOutcome out;
  // What went at the peer must not be counted on by the new snapshot.
  if (!words.dry_run) co_await collect_if_due(station, progress);
  BEFFROI_CO_TRY(out.result, co_await back_up_here(station, progress, words));
  if (!out.result.snapshot) co_return out;
  if (words.sync && station.vault->peer()) {
    auto pushed = co_await push_to_peer(station, progress);
    if (!pushed && pushed.error().code == ErrorCode::wrong_state) {
      // The peer will never take it as it is: the keys were renewed, or it counts on what went there. What is known now
      // lets the next one pass.
      co_await collect_if_due(station, progress);
      BEFFROI_CO_TRY(out.result, co_await back_up_here(station, progress, words));
      if (!out.result.snapshot) co_return out;
      pushed = co_await push_to_peer(station, progress);
    }
    if (pushed)
      out.push = std::move(*pushed);
    else
      out.sync_error = pushed.error();
    out.bytes_sent = progress->wire_bytes_sent;
  }
  if (auto snapshot = station.vault->resolve(out.result.snapshot->hex()); snapshot) out.snapshot = std::move(*snapshot);
  if (words.nightly && out.push) {
    const AuditWords nightly{.nightly = true};
    const auto audited = co_await audit_peer(station, progress, nightly);
    if (!audited) spdlog::warn("audit: {}", audited.error().message());
  }
  co_return out;
}

}  // namespace beffroi::daemon
