// The thread seam: blocking work (disk, hashing, compression) leaves the protocol thread. In tests the pool runs
// inline.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <functional>
#include <memory>

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
    if (!threads_) co_return work();
    auto task = [](Work& job) -> asio::awaitable<std::invoke_result_t<Work>> { co_return job(); };
    co_return co_await asio::co_spawn(threads_->get_executor(), task(work), asio::use_awaitable);
  }
  /// Fire and forget.
  void post(std::function<void()> work);
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::unique_ptr<asio::thread_pool> threads_;
};

}  // namespace beffroi::daemon
