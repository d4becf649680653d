// The peer's side of docs/api.md.
#pragma once

#include "daemon/api/router.h"
#include "daemon/peer/peer_context.h"

namespace beffroi::daemon {

/// `peer` outlives the router.
Router peer_router(PeerContext& peer);

}  // namespace beffroi::daemon
