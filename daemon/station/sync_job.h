// Pushing to the peer: one session that brings log and receipts together, fetches what a recovery left open, and sends
// what has no receipt.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// The alarm of a peer that goes back, or tells two stories.
inline constexpr const char* kPeerAlarm = "integrity:peer";

/// Remembers whether the peer answered. Raises the alarm of an untrustworthy peer (corrupt), or of a push that fails
/// for another reason that does not pass by itself; a push that succeeds clears both. A failure sets push_wanted. The
/// job's cancel flag ends it between commits. When snapshots went at the peer, what only they needed is collected after
/// the push. What went over the wire, failed or not, is added to
/// Progress::wire_bytes_sent.
/// wrong_state: no vault, or no peer.
asio::awaitable<Result<PushResult>> push_to_peer(StationContext& station, std::shared_ptr<Progress> progress);

/// Raises the alarm of a recovery that is not whole, or clears it when nothing is missing.
void tell_missing(StationContext& station, std::uint64_t missing);

/// Opens a link with this device's keys.
asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect_to_peer(StationContext& station);

/// True for what may be gone in a minute: no line, no answer, a peer that restarts.
bool is_passing(ErrorCode code);

/// Wait before the n-th try in a row (from 1) to push alone: 1 minute, doubled each time, at most 1 hour.
std::chrono::seconds push_retry_delay(std::uint32_t tries);

/// One try to push alone, after `tries` - 1 in a row that failed, when push_wanted. Gives the number for
/// push_retry_delay() then: 1 when nothing is left to do; the hour's at once when the failure won't pass by itself,
/// which somebody may have mended meanwhile.
asio::awaitable<std::uint32_t> push_if_wanted(StationContext& station, std::uint32_t tries);
/// While pending snapshots could not be sent, tries again with growing pauses, until the station ends.
asio::awaitable<void> keep_pushing(StationContext& station);

}  // namespace beffroi::daemon
