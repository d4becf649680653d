// From "ready" to the clean end: runs the protocol thread until SIGTERM or SIGINT.
#pragma once

#include <asio/io_context.hpp>
#include <functional>

namespace beffroi::daemon {

/// Longest time for work to reach a safe point after a signal; then the process ends as it is, which loses nothing: the
/// store is built for worse.
inline constexpr std::chrono::seconds kEndPatience{20};

/// How the parts of a daemon end.
struct Ending {
  std::function<void()> stop;  ///< take nothing new, ask everything to stop
  std::function<void()> cut;   ///< half of the patience is over: cut connections
  std::function<bool()> idle;  ///< nothing runs any more
};

/// Runs `io` on this thread. SIGHUP and SIGPIPE are ignored. Returns when idle after a signal.
void run_until_signal(asio::io_context& io, const Ending& ending);

}  // namespace beffroi::daemon
