#include "daemon/station/log_change.h"

#include "daemon/station/housekeeping.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kMinPrefixDigits = 4;

/// Gives the record for this log; nullopt: it has it already.
using RecordFor = std::function<Result<std::optional<Bytes>>(const storage::SpaceLog& log)>;

Result<std::optional<Bytes>> verified(const storage::SpaceLog& log, const RecordFor& record_for) {
  BEFFROI_TRY(auto record, record_for(log));
  if (record) BEFFROI_CHECK(log.verify_next(*record));
  return record;
}

asio::awaitable<Result<void>> change_at_peer(StationContext& station, PeerLink& link, const RecordFor& record_for) {
  Vault& vault = *station.vault;
  BEFFROI_CO_CHECK(co_await link.exchange_state(vault, station.work));
  BEFFROI_CO_TRY(const auto record, co_await station.work.run([&] { return verified(vault.log(), record_for); }));
  if (!record) co_return Result<void>();
  BEFFROI_CO_CHECK(co_await link.append_record(*record));
  co_return co_await station.work.run([&] { return vault.append_records({&*record, 1}); });
}

asio::awaitable<Result<void>> change_log(StationContext& station, const RecordFor& record_for) {
  BEFFROI_CO_CHECK(require_vault(station));
  Result<void> changed;
  if (station.vault->peer()) {
    BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station));
    changed = co_await change_at_peer(station, *link, record_for);
    co_await link->close();
  } else {
    changed = co_await station.work.run([&]() -> Result<void> {
      BEFFROI_TRY(const auto record, verified(station.vault->log(), record_for));
      return record ? station.vault->append_records({&*record, 1}) : Result<void>();
    });
  }
  if (changed) look_at_deletions(station);
  co_return changed;
}

/// A deletion that waits under this name.
Result<storage::RecordId> find_waiting(const Vault& vault, const std::string& name) {
  std::optional<storage::RecordId> found;
  for (const Deletion& deletion : vault.deletions()) {
    if (deletion.state != Deletion::State::waiting || !deletion.id.hex().starts_with(name)) continue;
    if (found) return fail(ErrorCode::usage, N_("Several deletions begin with {}. Give more digits."), name);
    found = deletion.id;
  }
  if (found && name.size() >= kMinPrefixDigits) return *found;
  return fail(ErrorCode::not_found, N_("No deletion {} waits here. 'beffroi deletions' lists them."), name);
}

}  // namespace

asio::awaitable<Result<void>> add_record(StationContext& station, Bytes record) {
  BEFFROI_CO_TRY(const storage::Record decoded, storage::decode_record(record));
  const RecordFor record_for = [&](const storage::SpaceLog& log) -> Result<std::optional<Bytes>> {
    if (log.position(decoded.id)) return std::nullopt;
    return record;
  };
  co_return co_await change_log(station, record_for);
}

asio::awaitable<Result<storage::RecordId>> take_deletion_back(StationContext& station, std::string name) {
  BEFFROI_CO_CHECK(require_vault(station));
  storage::RecordId deletion;
  const RecordFor record_for = [&](const storage::SpaceLog& log) -> Result<std::optional<Bytes>> {
    BEFFROI_TRY(deletion, find_waiting(*station.vault, name));
    BEFFROI_TRY(Bytes record,
                storage::cancel_deletion(log, station.vault->device_keys(), deletion, station.clock.now()));
    return std::optional(std::move(record));
  };
  BEFFROI_CO_CHECK(co_await change_log(station, record_for));
  co_return deletion;
}

}  // namespace beffroi::daemon
