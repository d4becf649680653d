#include "daemon/service/main_loop.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdlib>

#include "daemon/service/coroutine.h"
#include "daemon/service/notify.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::milliseconds kLook{20};

asio::awaitable<void> end_in_steps(asio::io_context& io, asio::signal_set& signals, const Ending& ending) {
  co_await signals.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
  spdlog::info("stopping");
  notify_stopping();
  ending.stop();
  asio::steady_timer timer(io);
  std::chrono::milliseconds waited{0};
  bool cut = false;
  while (!ending.idle()) {
    if (waited > kEndPatience) {
      spdlog::warn("something does not end: leaving without it; nothing is lost");
      std::_Exit(0);
    }
    if (!cut && waited > kEndPatience / 2) {
      cut = true;
      ending.cut();
    }
    timer.expires_after(kLook);
    co_await time_comes(timer);
    waited += kLook;
  }
  io.stop();
}

}  // namespace

asio::signal_set catch_signals(asio::io_context& io) {
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  return asio::signal_set(io, SIGTERM, SIGINT);
}

void run_until_signal(asio::io_context& io, asio::signal_set& signals, const Ending& ending) {
  start_coroutine(io.get_executor(), end_in_steps(io, signals, ending));
  io.run();
}

}  // namespace beffroi::daemon
