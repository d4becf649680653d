// Loops that run beside everything else on the protocol thread (scheduler, heartbeat, housekeeping), and their end.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <set>

namespace beffroi::daemon {

/// Lives on one executor.
class Background {
 public:
  explicit Background(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Starts a loop. An exception in it is logged and ends it.
  void spawn(asio::awaitable<void> loop);
  /// True after that time; false as soon as stop() was called: then the loop is to end.
  asio::awaitable<bool> pause(std::chrono::milliseconds time);
  void stop();
  bool stopping() const { return stopping_; }
  /// Loops that have not ended.
  std::size_t running() const { return running_; }

 private:
  asio::awaitable<void> watch(asio::awaitable<void> loop);
  asio::any_io_executor executor_;
  std::set<asio::steady_timer*> pauses_;
  std::size_t running_ = 0;
  bool stopping_ = false;
};

}  // namespace beffroi::daemon
