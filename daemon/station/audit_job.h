// The audit of the peer as a job: after each nightly push, or by hand.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Connects, brings log and receipts together, asks for a few objects (audit.h), and raises or clears the alarm
/// "integrity:audit". What is missing is offered again by the next push. For an exclusive job. wrong_state: no vault,
/// or no peer; an unreachable peer is no alarm.
asio::awaitable<Result<AuditReport>> audit_peer(StationContext& station, std::shared_ptr<Progress> progress);

}  // namespace beffroi::daemon
