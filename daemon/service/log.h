// The log: lines on standard error, which systemd keeps.
#pragma once

#include <string>

namespace beffroi::daemon {

/// `level`: trace, debug, info, warning or error. Without time stamps under systemd: its journal has its own.
void start_logging(const std::string& level);

}  // namespace beffroi::daemon
