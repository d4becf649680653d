// The audit of the peer as a job: after each nightly push, or by hand.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Longest time that an audit may take: an ordinary one asks for kAuditBytes.
inline constexpr std::chrono::minutes kAuditPatience{15};

struct AuditWords {
  bool nightly = false;  ///< one without an answer counts (AuditMemory): nobody is watching
  std::chrono::milliseconds patience = kAuditPatience;
};

/// Connects, brings log and receipts together, asks for a few objects (audit.h), and raises or clears the alarm
/// "integrity:audit". What is missing is offered again by the next push. For an exclusive job. wrong_state: no vault,
/// or no peer; an unreachable peer is no alarm, but a nightly audit that it does not answer, whatever it says instead
/// and also when the machine goes off meanwhile, is counted, until one is answered.
asio::awaitable<Result<AuditReport>> audit_peer(StationContext& station, std::shared_ptr<Progress> progress,
                                                AuditWords words);

}  // namespace beffroi::daemon
