// Speaks the protocol of docs/protocol.md for one admitted channel, on the peer.
#pragma once

#include "daemon/net/channel.h"
#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_shares.h"

namespace beffroi::daemon {

/// What a session that nobody knows yet may take, whatever length its frames promise.
struct SessionTimes {
  std::chrono::milliseconds hello{15'000};      ///< the whole first message: it has some hundred bytes
  std::chrono::milliseconds visit{5 * 60'000};  ///< in all, when it belongs to no space: the longest enrolment passes
                                                ///< on a line of 256 kbit/s
};

/// Serves until the other side says bye, errs, is silent for too long, or `host` refuses. Never throws; logs one line
/// per session. Memory per session is bounded by kSessionBufferBytes, and that of all by `shares`.
asio::awaitable<void> serve_station(std::unique_ptr<Channel> channel, PeerHost& host, PeerShares& shares,
                                    SessionTimes times = {});
inline constexpr std::size_t kSessionBufferBytes = 12U * 1024 * 1024;

}  // namespace beffroi::daemon
