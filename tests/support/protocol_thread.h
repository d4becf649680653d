// An io_context on a thread of its own, as a daemon has it.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <future>
#include <thread>

#include "tests/support/run_coroutine.h"

namespace beffroi::daemon::testing {

class ProtocolThread {
 public:
  ProtocolThread() : guard_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  ~ProtocolThread() { end(); }
  ProtocolThread(const ProtocolThread&) = delete;
  ProtocolThread& operator=(const ProtocolThread&) = delete;

  asio::io_context& io() { return io_; }
  auto executor() { return io_.get_executor(); }
  /// Runs there and waits for the result.
  template <class Work>
  auto call(Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto done = task.get_future();
    post([&task] { task(); });
    return done.get();
  }
  /// Runs a coroutine there and waits for its result.
  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> out;
    wait_for(store_result(std::move(work), out));
    return std::move(*out);
  }
  void end();

 private:
  void post(std::function<void()> work);
  void wait_for(asio::awaitable<void> work);

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace beffroi::daemon::testing
