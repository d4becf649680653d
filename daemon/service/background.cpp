#include "daemon/service/background.h"

#include <spdlog/spdlog.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

namespace beffroi::daemon {

void Background::spawn(asio::awaitable<void> loop) {
  ++running_;
  asio::co_spawn(executor_, watch(std::move(loop)), asio::detached);
}

asio::awaitable<void> Background::watch(asio::awaitable<void> loop) {
  try {
    co_await std::move(loop);
  } catch (const std::exception& exception) {
    spdlog::error("{}", exception.what());
  }
  --running_;
}

asio::awaitable<bool> Background::pause(std::chrono::milliseconds time) {
  if (stopping_) co_return false;
  asio::steady_timer timer(executor_);
  timer.expires_after(time);
  pauses_.insert(&timer);
  co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
  pauses_.erase(&timer);
  co_return !stopping_;
}

void Background::stop() {
  stopping_ = true;
  for (asio::steady_timer* timer : pauses_) timer->cancel();
}

}  // namespace beffroi::daemon
