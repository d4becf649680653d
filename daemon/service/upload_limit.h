// How much of the line to the peer a push may take while people work.
#pragma once

#include <cstdint>

#include "daemon/service/hours.h"

namespace beffroi::daemon {

/// The slowest limit, in bytes per second: a peer would take a slower line for dead.
inline constexpr std::uint64_t kSlowestUploadLimit = 16'384;

/// How much of the line a push may take while people work.
struct UploadLimit {
  enum class Kind : std::uint8_t {
    none,
    half,  ///< half of what the line was measured to carry; nothing is limited before that is known
    fixed,
  };
  Kind kind = Kind::half;
  std::uint64_t bytes_per_second = 0;  ///< of a fixed one
  Hours hours;                         ///< when it holds
};

}  // namespace beffroi::daemon
