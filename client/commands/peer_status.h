// What a peer says of itself: for people, and as one line for a monitoring system.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "client/session.h"

namespace beffroi::client {

void say_peer_status(const Session& session, const nlohmann::json& status);

/// Nagios' codes.
enum class Health { ok = 0, warning = 1, critical = 2, unknown = 3 };
struct HealthReport {
  Health health = Health::unknown;
  std::string line;  ///< "BEFFROI OK - … | performance data"
};
/// Critical: a tenant with quarantined objects, or less than 3 % of the disk free. Warning: any alarm, a silent tenant.
HealthReport peer_health(const nlohmann::json& status, const nlohmann::json& tenants);
/// When the peer did not answer: critical if nobody is there, else unknown.
HealthReport peer_health(const Error& error);

}  // namespace beffroi::client
