// The one way in which waiting ends: a timer that cuts what is waited for.
#pragma once

#include <asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace beffroi::daemon {

/// Calls `on_expiry` once when the time has passed, never after it was destroyed. Lives on one executor.
class Deadline {
 public:
  Deadline(const asio::any_io_executor& executor, std::chrono::milliseconds after, std::function<void()> on_expiry);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  bool expired() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace beffroi::daemon
