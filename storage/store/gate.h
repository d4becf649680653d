// Lets a resource be exchanged while nobody uses it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

namespace beffroi::storage {

/// Thread-safe. Whoever is inside may enter again (a visitor of a scan reads), also while somebody waits to close.
class Gate {
 public:
  /// Waits while the gate is closed or about to be. Leave on the same thread.
  void enter() {
    std::unique_lock lock(mutex_);
    std::size_t& mine = depth();
    if (mine == 0) opened_.wait(lock, [this] { return !closed_; });
    ++mine;
    ++inside_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--depth() == 0) depths().erase(this);
    if (--inside_ == 0) left_.notify_all();
  }
  /// Lets nobody in and waits until all have left. False, and open as before, when this takes longer, when somebody has
  /// closed it already, or when this thread is inside.
  bool close(std::chrono::milliseconds longest_wait) {
    std::unique_lock lock(mutex_);
    if (closed_ || depths().contains(this)) return false;
    closed_ = true;
    if (left_.wait_for(lock, longest_wait, [this] { return inside_ == 0; })) return true;
    closed_ = false;
    opened_.notify_all();
    return false;
  }
  void open() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = false;
    }
    opened_.notify_all();
  }

 private:
  // How often this thread is inside of which gate.
  static std::map<const Gate*, std::size_t>& depths() {
    thread_local std::map<const Gate*, std::size_t> out;
    return out;
  }
  std::size_t& depth() const { return depths()[this]; }

  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable left_;
  std::size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace beffroi::storage
