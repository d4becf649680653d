// The peer's side of docs/api.md.
#pragma once

#include "daemon/api/router.h"
#include "daemon/peer/chores.h"

namespace beffroi::daemon {

/// The audit log and the clock (peer_audit.cpp, peer_clock.cpp).
asio::awaitable<Result<void>> answer_audit(PeerContext& peer, HttpRequest& request, HttpExchange& exchange);
asio::awaitable<Result<void>> answer_clock(PeerContext& peer, HttpExchange& exchange);
asio::awaitable<Result<void>> answer_accept_clock(PeerContext& peer, HttpRequest& request, HttpExchange& exchange);

/// POST /v1/losses (peer_losses.cpp).
asio::awaitable<Result<void>> answer_declare_loss(PeerContext& peer, HttpRequest& request, HttpExchange& exchange);

/// What peer_chores.cpp answers.
void add_chore_routes(std::vector<Route>& routes, PeerContext& peer, Chores& chores);

/// Both arguments outlive the router.
Router peer_router(PeerContext& peer, Chores& chores);

}  // namespace beffroi::daemon
