// Once a minute: fresh facts for the status, and the alarms that nobody's action raises.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Time that the daemon must have run before a missed night is an alarm: a PC that was off over the weekend makes up
/// for it first.
inline constexpr std::chrono::hours kMissedGrace{2};

/// Days without a receipt, while there is something to confirm, that are an alarm.
inline constexpr std::int64_t kReceiptPatienceDays = 3;

/// Nightly audits in a row without the peer's answer, and days since the first of them, that together are an alarm.
inline constexpr std::uint32_t kUnansweredAudits = 3;
inline constexpr std::int64_t kAuditPatienceDays = 7;

asio::awaitable<void> keep_house(StationContext& station);

/// Raises and clears "disk nearly full", "backup missed", "no receipt for days", "keys not right", "a deletion waits",
/// "audits have no answer" and "the clocks differ" for the facts at hand. `running_for`: since the start.
void look_for_alarms(StationContext& station, std::chrono::milliseconds running_for);
/// That of the deletions alone.
void look_at_deletions(StationContext& station);

}  // namespace beffroi::daemon
