// The peer as a process: hosted spaces, the listener for stations, local API.
#pragma once

#include "daemon/service/config.h"

namespace beffroi::daemon {

/// Runs in the foreground until SIGTERM or SIGINT. Errors are those of starting.
Result<void> run_peer(const PeerSettings& settings);

}  // namespace beffroi::daemon
