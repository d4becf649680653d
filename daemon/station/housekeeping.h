// Once a minute: fresh facts for the status, and the alarms that nobody's action raises.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Time that the daemon must have run before a missed night is an alarm: a PC that was off over the weekend makes up
/// for it first.
inline constexpr std::chrono::hours kMissedGrace{2};

/// Days without a receipt, while there is something to confirm, that are an alarm.
inline constexpr std::int64_t kReceiptPatienceDays = 3;

asio::awaitable<void> keep_house(StationContext& station);

/// Raises and clears "disk nearly full", "backup missed", "no receipt for days", "keys not right" and "a deletion
/// waits" for the facts at hand. `running_for`: since the start.
void look_for_alarms(StationContext& station, std::chrono::milliseconds running_for);
/// The last of them alone.
void look_at_deletions(StationContext& station);

}  // namespace beffroi::daemon
