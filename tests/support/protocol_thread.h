// An io_context on a thread of its own, as a daemon has it.
#pragma once

#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_future.hpp>
#include <future>
#include <thread>

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
    asio::post(io_, [&task] { task(); });
    return done.get();
  }
  /// Runs a coroutine there and waits for its result.
  template <class T>
  T run(asio::awaitable<T> work) {
    return asio::co_spawn(io_, std::move(work), asio::use_future).get();
  }
  void end() {
    guard_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace beffroi::daemon::testing
