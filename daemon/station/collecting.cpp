#include "daemon/station/collecting.h"

#include <spdlog/spdlog.h>

#include "daemon/vault/ageing.h"

namespace beffroi::daemon {
namespace {

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

void log_collected(const CollectionResult& result) {
  spdlog::info("collected: {} snapshots, {} objects, {} bytes", result.snapshots, result.objects, result.bytes);
}

}  // namespace

asio::awaitable<Result<ForgetOutcome>> forget_and_collect(StationContext& station, std::shared_ptr<Progress> progress,
                                                          bool dry_run) {
  BEFFROI_CO_CHECK(require_vault(station));
  const std::function<Result<ForgetOutcome>()> work = [&] { return run(station, *progress, dry_run); };
  auto outcome = co_await guarded(station, work);
  if (outcome && !dry_run) log_collected(outcome->collected);
  co_await station.refresh_facts();
  co_return outcome;
}

asio::awaitable<void> collect_if_due(StationContext& station, std::shared_ptr<Progress> progress) {
  const bool due = co_await station.work.run([&] { return station.vault->collection_due(); });
  if (!due) co_return;
  const std::function<Result<CollectionResult>()> work = [&] {
    return collect(*station.vault, station.random, *progress);
  };
  const auto outcome = co_await guarded(station, work);
  if (outcome)
    log_collected(*outcome);
  else
    spdlog::warn("what went could not be collected yet: {}", outcome.error().message());
  co_await station.refresh_facts();
}

}  // namespace beffroi::daemon
