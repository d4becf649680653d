#include "daemon/station/joining.h"

#include <spdlog/spdlog.h>

#include "daemon/station/sync_job.h"
#include "storage/space/invitation.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<void>> enrol(StationContext& station, const storage::Invitation& invitation) {
  const crypto::SecretBytes seed = invitation.transport_seed();
  BEFFROI_CO_TRY(const auto link,
                 co_await PeerLink::connect(station.connector, invitation.address, seed, invitation.peer));
  const storage::SpaceLog log = station.vault->log();
  auto enrolled = co_await link->enrol(log.encoded());
  co_await link->close();
  co_return enrolled;
}

}  // namespace

asio::awaitable<Result<PeerBinding>> join_peer(StationContext& station, std::string code) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const storage::Invitation invitation, storage::parse_invitation(code));
  const auto known = station.vault->peer();
  if (known && known->peer != invitation.peer)
    co_return fail(ErrorCode::wrong_state, N_("This station has a peer already, at {}. It can't have a second one."),
                   known->address);
  BEFFROI_CO_CHECK(co_await enrol(station, invitation));
  const PeerBinding binding{.peer = invitation.peer, .address = invitation.address};
  BEFFROI_CO_CHECK(co_await station.work.run([&station, &binding, known] {
    if (!known) station.state.set_joined_at(station.clock.now());
    return station.vault->bind_peer(binding);
  }));
  spdlog::info("joined the peer at {}", binding.address);
  // Shows at once, not tonight, that the station's own keys are admitted.
  const auto link = co_await connect_to_peer(station);
  if (!link) co_return forward_error(link);
  auto exchanged = co_await (*link)->exchange_state(*station.vault, station.work);
  co_await (*link)->close();
  if (!exchanged) co_return forward_error(exchanged);
  PeerContact contact{.reachable = true, .error = {}, .last_contact = station.clock.now()};
  co_await station.work.run([&station, &contact] {
    station.state.set_contact(contact);
    return true;
  });
  co_await station.refresh_facts();
  co_return binding;
}

}  // namespace beffroi::daemon
