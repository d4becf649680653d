// The station as a process: vault, local API, clockwork.
#pragma once

#include "daemon/service/config.h"

namespace beffroi::daemon {

/// Runs in the foreground until SIGTERM or SIGINT. Errors are those of starting.
Result<void> run_station(const StationSettings& settings);

}  // namespace beffroi::daemon
