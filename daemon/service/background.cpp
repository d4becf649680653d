#include "daemon/service/background.h"

#include <spdlog/spdlog.h>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {

void Background::spawn(asio::awaitable<void> loop) {
  ++running_;
  start_coroutine(executor_, watch(std::move(loop)));
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
  co_await time_comes(timer);
  pauses_.erase(&timer);
  co_return !stopping_;
}

void Background::stop() {
  stopping_ = true;
  for (asio::steady_timer* timer : pauses_) timer->cancel();
}

}  // namespace beffroi::daemon
