// The peer's side of docs/api.md.
#pragma once

#include "daemon/api/router.h"
#include "daemon/peer/chores.h"

namespace beffroi::daemon {

/// What peer_chores.cpp answers.
void add_chore_routes(std::vector<Route>& routes, PeerContext& peer, Chores& chores);

/// Both arguments outlive the router.
Router peer_router(PeerContext& peer, Chores& chores);

}  // namespace beffroi::daemon
