// Losses that the peer declared, until this station has made them good.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

inline constexpr const char* kPeerLossAlarm = "peer_loss";

/// Those beyond what was made good, with what they took. Blocking, short.
Result<std::vector<PeerLoss>> open_losses(Vault& vault, const StationState& state);
/// How many snapshots of this station can't be sent again because of them.
std::uint64_t count_unsendable(std::span<const PeerLoss> losses);
/// Is one of them still to be made good, or less than a month old?
bool is_to_ring(std::span<const PeerLoss> open, storage::UnixTime now);
/// After an exchange of state: rings while a loss that the peer declared is not made good; for what can't be, a month.
/// Snapshots that are listed again by it have no trees here: they are to be fetched, once. Blocking, short.
Result<void> ring_for_losses(StationContext& station);
/// After a push: when nothing waits to be sent, and nothing was set aside as it can't be sent, all losses are made
/// good, for good. Blocking, short.
Result<void> settle_losses(StationContext& station);

}  // namespace beffroi::daemon
