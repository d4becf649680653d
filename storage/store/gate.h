// Lets a resource be exchanged while nobody uses it.
#pragma once

#include <condition_variable>
#include <mutex>

namespace beffroi::storage {

/// Thread-safe. Whoever is inside may enter again (a visitor of a scan reads): the gate never closes while anybody is
/// inside.
class Gate {
 public:
  /// Waits while the gate is closed.
  void enter() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return !closed_; });
    ++inside_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --inside_;
  }
  /// False when somebody is inside, or has closed it. The caller is not inside.
  bool try_close() {
    const std::lock_guard lock(mutex_);
    if (inside_ > 0 || closed_) return false;
    closed_ = true;
    return true;
  }
  void open() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = false;
    }
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace beffroi::storage
