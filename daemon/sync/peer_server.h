// Speaks the protocol of docs/protocol.md for one admitted channel, on the peer.
#pragma once

#include "daemon/net/channel.h"
#include "daemon/service/pool.h"
#include "daemon/sync/peer_host.h"

namespace beffroi::daemon {

/// Serves until the other side says bye, errs, is silent for too long, or `host` refuses. Never throws; logs one line
/// per session. Memory per session is bounded by kSessionBufferBytes.
asio::awaitable<void> serve_station(std::unique_ptr<Channel> channel, PeerHost& host, Pool& pool);
inline constexpr std::size_t kSessionBufferBytes = 12U * 1024 * 1024;

}  // namespace beffroi::daemon
