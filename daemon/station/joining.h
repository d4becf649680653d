// Enrolling at a peer with an invitation.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Connects with the invitation's key, hands the log over, and remembers the peer. The same code again, by the same
/// station, succeeds. usage: no invitation; refused: used by another, or expired (the peer says which); wrong_state: no
/// vault, or another peer already.
asio::awaitable<Result<PeerBinding>> join_peer(StationContext& station, std::string code);

}  // namespace beffroi::daemon
