// The client's only look at a clock: dates on the kit and pauses between progress lines. Nothing depends on it for
// safety.
#pragma once

#include "storage/format/types.h"

namespace beffroi::client {

/// What this machine's clock says.
storage::UnixTime wall_clock_now();
/// Milliseconds since some moment of the past; never goes backwards.
std::int64_t monotonic_ms();

}  // namespace beffroi::client
