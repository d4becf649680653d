// Messages to systemd (sd_notify(3)): ready, status, watchdog, stopping. Does nothing when not started by systemd.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace beffroi::daemon {

void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_stopping();
/// Call only after a storage heartbeat: a daemon whose disk hangs is to be restarted.
void notify_watchdog();
/// Half of WATCHDOG_USEC, when systemd asked for it.
std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace beffroi::daemon
