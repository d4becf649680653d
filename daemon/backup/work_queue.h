// The threads' meeting places of one backup: a queue that is bounded by number and weight, a budget of bytes in flight,
// and the flag that ends all of it. The only file of the backup that knows mutexes and condition variables.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "crypto/result.h"
#include "daemon/service/priority.h"

namespace beffroi::daemon {

/// Blocks who pushes while it is full and who pops while it is empty; after close() pushes are dropped. Thread-safe.
template <class Item>
class WorkQueue {
 public:
  WorkQueue(std::size_t max_items, std::size_t max_weight) : max_items_(max_items), max_weight_(max_weight) {}

  /// False when the queue is closed. An item heavier than the whole queue goes in when it is alone.
  bool push(Item item, std::size_t weight = 0) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
      return closed_ || items_.empty() || (items_.size() < max_items_ && weight_ + weight <= max_weight_);
    });
    if (closed_) return false;
    items_.push_back({std::move(item), weight});
    weight_ += weight;
    filled_.notify_one();
    return true;
  }
  /// False when the queue is closed or full.
  bool try_push(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || items_.size() >= max_items_) return false;
    items_.push_back({std::move(item), 0});
    filled_.notify_one();
    return true;
  }
  /// The next item; nullopt when the queue is finished and empty, or closed.
  std::optional<Item> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || finished_ || !items_.empty(); });
    if (closed_ || items_.empty()) return std::nullopt;
    Item item = std::move(items_.front().first);
    weight_ -= items_.front().second;
    items_.pop_front();
    // Half empty: who fills the queue is not woken for each item.
    if (items_.size() <= max_items_ / 2 && weight_ <= max_weight_ / 2) room_.notify_all();
    return item;
  }
  /// Nothing more will be pushed.
  void finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    filled_.notify_all();
  }
  /// Wakes everybody; what waits is dropped.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
    filled_.notify_all();
    room_.notify_all();
  }

 private:
  const std::size_t max_items_;
  const std::size_t max_weight_;
  std::mutex mutex_;
  std::condition_variable room_, filled_;
  std::deque<std::pair<Item, std::size_t>> items_;
  std::size_t weight_ = 0;
  bool finished_ = false;
  bool closed_ = false;
};

/// How a run of several threads ends: the first error wins and everybody is told. Thread-safe.
class RunState {
 public:
  explicit RunState(Priority threads = Priority::low) : priority(threads) {}
  const Priority priority;  ///< of the run's threads
  /// Keeps the error unless there is one, and calls what was registered with on_stop().
  void stop(const Error& error) {
    std::vector<std::function<void()>> tell;
    {
      const std::lock_guard lock(mutex_);
      if (error_) return;
      error_ = error;
      tell.swap(on_stop_);
    }
    changed_.notify_all();
    for (const auto& call : tell) call();
  }
  bool stopped() const {
    const std::lock_guard lock(mutex_);
    return error_.has_value();
  }
  Result<void> outcome() const {
    const std::lock_guard lock(mutex_);
    if (error_) return std::unexpected(*error_);
    return {};
  }
  void on_stop(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    on_stop_.push_back(std::move(call));
  }
  /// Changes something that wait() looks at.
  template <class Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  /// Waits for `condition`; false when the run was stopped before.
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || condition(); });
    return !error_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Error> error_;
  std::vector<std::function<void()>> on_stop_;
};

/// `count` threads of this priority (nullopt: that of who makes them) that run `body` until it returns; joined by the
/// destructor.
class WorkerThreads {
 public:
  WorkerThreads(std::size_t count, const std::function<void()>& body,
                std::optional<Priority> priority = Priority::low) {
    for (std::size_t i = 0; i < count; ++i)
      threads_.emplace_back([body, priority] {
        std::optional<LowPriority> low;
        if (priority) low.emplace(*priority);
        body();
      });
  }
  void join() { threads_.clear(); }

 private:
  std::vector<std::jthread> threads_;
};

/// Threads to use when the settings leave it open.
inline std::size_t thread_count(std::size_t wanted) {
  constexpr std::size_t kMaxThreads = 16;
  const std::size_t cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  return std::min(wanted == 0 ? cores : wanted, kMaxThreads);
}

}  // namespace beffroi::daemon
