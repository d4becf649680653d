// Pushing to the peer: one session that brings log and receipts together, fetches what a recovery left open, and sends
// what has no receipt.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Remembers whether the peer answered, and raises or clears the alarm of an untrustworthy peer. A failure for a
/// passing reason sets push_wanted. The job's cancel flag ends it between commits.
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

/// While pending snapshots could not be sent, tries again with growing pauses, until the station ends.
asio::awaitable<void> keep_pushing(StationContext& station);

}  // namespace beffroi::daemon
