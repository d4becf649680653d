// Losses that the peer declared, until this station has made them good.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

inline constexpr const char* kPeerLossAlarm = "peer_loss";

/// After an exchange of state: rings while a loss that the peer declared is not made good. Snapshots that are listed
/// again by it have no trees here: they are to be fetched, once. Blocking, short.
Result<void> ring_for_losses(StationContext& station);
/// After a push: when nothing waits to be sent, and nothing was set aside as it can't be sent, all losses are made
/// good, for good. Blocking, short.
Result<void> settle_losses(StationContext& station);

}  // namespace beffroi::daemon
