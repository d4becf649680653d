// The thread seam: blocking work (disk, hashing, compression) leaves the protocol thread. In tests the pool runs
// inline.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>

namespace beffroi::daemon {

/// Runs functions on worker threads. Destroying it waits for what runs.
class Pool {
 public:
  /// `threads` = 0: inline, on the caller's executor (tests).
  explicit Pool(std::size_t threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Runs `work` on a worker and resumes the awaiting coroutine on its own executor. `work` must not throw.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> run(Work work) {
    return run_for<std::invoke_result_t<Work>>(std::move(work));
  }
  /// Fire and forget.
  void post(std::function<void()> work);
  std::size_t size() const { return size_; }

 private:
  // A coroutine of each type of result, not of each piece of work, and Asio's part once: compiling them takes long.
  template <class Value>
  asio::awaitable<Value> run_for(std::move_only_function<Value()> work) {
    if (!threads_) co_return work();
    std::optional<Value> out;
    co_await on_worker([&] { out.emplace(work()); });
    co_return std::move(*out);
  }
  /// There are threads.
  asio::awaitable<void> on_worker(std::move_only_function<void()> job);

  std::size_t size_;
  std::unique_ptr<asio::thread_pool> threads_;
};

}  // namespace beffroi::daemon
