// The documented exit codes of `beffroi`.
#pragma once

#include "crypto/result.h"

namespace beffroi::client {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSomeUnread = 3;   ///< done, but some files could not be read
inline constexpr int kExitUnreachable = 4;  ///< the daemon does not answer
inline constexpr int kExitIntegrity = 5;    ///< bytes are not what they should be
inline constexpr int kExitRefused = 6;

/// A peer that does not answer its station is a failure (1), not a silent daemon (4).
int exit_code(const Error& error);

}  // namespace beffroi::client
