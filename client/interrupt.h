// Ctrl-C and SIGTERM as a question that long work asks now and then, so that it can tidy up before it ends.
#pragma once

#include "crypto/result.h"

namespace beffroi::client {

/// Installs the handlers. Reads from the terminal then end with EINTR. Call once, in main().
void watch_interrupts();
bool interrupted();
/// ErrorCode::cancelled.
Error interrupted_error();

}  // namespace beffroi::client
