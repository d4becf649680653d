// From "ready" to the clean end: runs the protocol thread until SIGTERM or SIGINT.
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
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

/// SIGTERM and SIGINT are caught from here on, SIGHUP and SIGPIPE ignored. To be called before anybody can know that
/// the daemon runs.
asio::signal_set catch_signals(asio::io_context& io);

/// Runs `io` on this thread. Returns when idle after one of `signals`.
void run_until_signal(asio::io_context& io, asio::signal_set& signals, const Ending& ending);

}  // namespace beffroi::daemon
