#include "daemon/station/collecting.h"

#include <spdlog/spdlog.h>

#include "daemon/service/translate.h"
#include "daemon/vault/ageing.h"

namespace beffroi::daemon {
namespace {

constexpr const char* kCollectionAlarm = "collection_failed";

Result<ForgetOutcome> run(StationContext& station, Progress& progress, bool dry_run) {
  Vault& vault = *station.vault;
  ForgetOutcome out;
  BEFFROI_TRY(out.forgotten, forgettable(vault, station.clock.now()));
  if (dry_run) {
    const std::set<storage::CommitId> next(out.forgotten.begin(), out.forgotten.end());
    BEFFROI_TRY(out.collected, foresee_collection(vault, next, station.random, progress));
    return out;
  }
  if (!out.forgotten.empty()) BEFFROI_CHECK(vault.forget(out.forgotten));
  BEFFROI_TRY(out.collected, collect(vault, station.random, progress));
  return out;
}

/// `work` on a worker thread; what it throws (no memory, most of all) is an error like others.
template <class T>
asio::awaitable<Result<T>> guarded(StationContext& station, std::function<Result<T>()> work) {
  co_return co_await station.streams.run([&work]() -> Result<T> {
    try {
      return work();
    } catch (const std::exception& exception) {
      return fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
    }
  });
}

/// Neither one that was stopped on purpose counts, nor one that somebody else's work kept from beginning.
bool counts(const Error& error, const Progress& progress) {
  return error.code != ErrorCode::busy && !(error.code == ErrorCode::cancelled && progress.cancel);
}

void forget_failures(StationContext& station) {
  if (station.state.collections().failures > 0) station.state.set_collections({});
  station.clear_alarm(kCollectionAlarm);
}

/// Nobody would see it before the disk is full: nothing is evicted meanwhile.
void count_failure(StationContext& station, const Error& error) {
  CollectionMemory memory = station.state.collections();
  ++memory.failures;
  memory.last_attempt = station.clock.now();
  memory.error = error;
  station.state.set_collections(memory);
  if (memory.failures < kCollectionFailures) return;
  station.raise_alarm(
      kCollectionAlarm,
      Error{error.code,
            N_("Old snapshots have gone, but the room that they took on this machine can't be given back: {} Call your "
               "technician if this lasts."),
            {translated(error.text, error.args)}});
}

void log_collected(const CollectionResult& result) {
  spdlog::info("collected: {} snapshots, {} objects, {} bytes", result.snapshots, result.objects, result.bytes);
}

}  // namespace

asio::awaitable<Result<ForgetOutcome>> forget_and_collect(StationContext& station, std::shared_ptr<Progress> progress,
                                                          bool dry_run) {
  BEFFROI_CO_CHECK(require_vault(station));
  const std::function<Result<ForgetOutcome>()> work = [&] { return run(station, *progress, dry_run); };
  auto outcome = co_await guarded(station, work);
  if (outcome && !dry_run) {
    log_collected(outcome->collected);
    co_await station.work.run([&station] {
      forget_failures(station);
      return true;
    });
  }
  co_await station.refresh_facts();
  co_return outcome;
}

asio::awaitable<void> collect_if_due(StationContext& station, std::shared_ptr<Progress> progress) {
  const bool due = co_await station.work.run([&] {
    // Here every snapshot may have its receipt, and marks be sure again; in a push there is always one without.
    static_cast<void>(station.vault->may_evict());
    return station.vault->collection_due();
  });
  if (!due) co_return;
  const std::function<Result<CollectionResult>()> work = [&] {
    return collect(*station.vault, station.random, *progress);
  };
  const auto outcome = co_await guarded(station, work);
  if (outcome)
    log_collected(*outcome);
  else
    spdlog::warn("what went could not be collected yet: {}", outcome.error().message());
  co_await station.work.run([&] {
    if (outcome) forget_failures(station);
    if (!outcome && counts(outcome.error(), *progress)) count_failure(station, outcome.error());
    return true;
  });
  co_await station.refresh_facts();
}

}  // namespace beffroi::daemon
