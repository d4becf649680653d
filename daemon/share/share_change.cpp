#include "daemon/share/share_change.h"

#include "daemon/share/membership.h"

namespace beffroi::daemon {
namespace {

struct Decision {
  storage::RecordId decided_on;
  storage::WantedChange wanted;
  Ceremony ceremony;
};

Result<std::vector<Bytes>> sign(const Vault& vault, const Decision& decision) {
  const storage::SpaceLog log = vault.log();
  BEFFROI_TRY(const auto rebased,
              storage::rebase_change(log, decision.decided_on, vault.device_keys().sign.public_key, decision.wanted));
  if (rebased == storage::Rebased::done) return std::vector<Bytes>();
  return decision.ceremony(log);
}

asio::awaitable<Result<void>> append_all(PeerLink& link, std::span<const Bytes> records) {
  for (const Bytes& record : records) BEFFROI_CO_CHECK(co_await link.append_record(record));
  co_return Result<void>();
}

asio::awaitable<Result<void>> change_over(StationContext& station, Vault& vault, PeerLink& link, Decision decision) {
  for (int i = 0; i < kChangeTries; ++i) {
    BEFFROI_CO_CHECK(co_await link.exchange_state(vault, station.work));
    BEFFROI_CO_TRY(const auto records, co_await station.work.run([&] { return sign(vault, decision); }));
    if (records.empty()) co_return Result<void>();
    const auto appended = co_await append_all(link, records);
    if (appended) co_return co_await station.work.run([&] { return vault.append_records(records); });
    if (appended.error().code != ErrorCode::conflict) co_return appended;
  }
  co_return fail(ErrorCode::conflict, N_("Others are changing this space at the same time. Try again in a moment."));
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect_to_share(StationContext& station, Share& share) {
  BEFFROI_CO_CHECK(require_joined(share));
  const auto binding = share.vault->peer();
  if (!binding)
    co_return fail(ErrorCode::wrong_state, N_("This shared folder has no peer yet. It is told by the invitation."));
  co_return co_await PeerLink::connect(station.connector, binding->address, share.vault->device_keys().transport_seed,
                                       binding->peer, share.space);
}

asio::awaitable<Result<void>> change_share(StationContext& station, Share& share, storage::WantedChange wanted,
                                           Ceremony ceremony) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, share));
  Decision decision{share.vault->log().head().id, std::move(wanted), std::move(ceremony)};
  auto changed = co_await change_over(station, *share.vault, *link, std::move(decision));
  co_await link->close();
  if (changed && station.shares.control() != nullptr) station.shares.control()->look(share.space);
  co_return changed;
}

}  // namespace beffroi::daemon
