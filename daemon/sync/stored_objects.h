// The way of what a backup has stored to who sends it meanwhile.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "storage/format/types.h"

namespace beffroi::daemon {

/// With more ids waiting the line is slower than the backup by far: then no more are taken. 2 MiB of them.
inline constexpr std::size_t kMaxStoredObjectsWaiting = std::size_t{64} * 1024;

/// add() and finish() from any thread; next() by one coroutine on `executor`.
class StoredObjects {
 public:
  explicit StoredObjects(const asio::any_io_executor& executor);
  /// Children before their parents.
  void add(std::span<const storage::ObjectId> ids);
  /// The backup has ended: what waits is left to the push.
  void finish();
  enum class Wait : std::uint8_t { ids, nothing, finished };
  /// Until ids wait to be sent, or finish() was called, or so long.
  asio::awaitable<Wait> wait(std::chrono::milliseconds longest);
  /// Those ids; empty after finish().
  std::vector<storage::ObjectId> take();
  bool finished();
  /// Who sent them has given up: no more are taken, and nothing is forecast.
  void nobody_sends();

  void count_sent(std::size_t bytes) { sent_bytes_ += bytes; }
  /// Bytes of objects that were sent. Any thread.
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  /// What is being sent per second, as far as is known. Any thread.
  void set_forecast(std::uint64_t bytes_per_second) { forecast_ = bytes_per_second; }
  std::uint64_t forecast() const { return forecast_; }
  /// What the line was measured to carry, in bytes per second; nullopt: not known. Any thread.
  void set_line_speed(std::optional<std::uint64_t> bytes_per_second) { line_speed_ = bytes_per_second.value_or(0); }
  std::optional<std::uint64_t> line_speed() const {
    const std::uint64_t out = line_speed_;
    return out == 0 ? std::nullopt : std::optional(out);
  }

 private:
  void wake();
  const asio::any_io_executor executor_;
  const std::shared_ptr<asio::steady_timer> woken_;
  std::mutex mutex_;
  std::vector<storage::ObjectId> waiting_;
  bool finished_ = false;
  bool overflowed_ = false;  ///< a parent must not go without its children
  std::atomic<std::uint64_t> sent_bytes_{0};
  std::atomic<std::uint64_t> line_speed_{0};
  std::atomic<std::uint64_t> forecast_{0};
};

}  // namespace beffroi::daemon
