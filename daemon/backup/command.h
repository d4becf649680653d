// Shell commands of the administrator around a backup: a database dump before it, say.
#pragma once

#include <functional>
#include <string>

#include "crypto/result.h"

namespace beffroi::daemon {

/// Runs `command` with /bin/sh -c, $BEFFROI_SOURCE set, no input, and its output line by line into the log. Waits for
/// its end; when `cancelled` turns true its process group is ended. Returns its exit code (128 + signal when killed);
/// ErrorCode::io when it could not be started, cancelled.
Result<int> run_command(const std::string& command, const std::string& source, const std::function<bool()>& cancelled);

}  // namespace beffroi::daemon
