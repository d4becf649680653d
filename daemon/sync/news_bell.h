// Who waits for news of a space is told when there is some.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace beffroi::daemon {

/// Thread-safe. Callbacks run on the thread that rings, without the bell's lock, and may come once more after the hold
/// is gone: they only post.
class NewsBell : public std::enable_shared_from_this<NewsBell> {
 public:
  using Hold = std::shared_ptr<void>;

  /// Until the last copy of the hold is gone.
  Hold listen(std::function<void()> rung) {
    const std::lock_guard lock(mutex_);
    const auto place = listeners_.insert(listeners_.end(), std::move(rung));
    return Hold(this, [self = shared_from_this(), place](void*) {
      const std::lock_guard leaving(self->mutex_);
      self->listeners_.erase(place);
    });
  }
  void ring() const {
    std::list<std::function<void()>> told;
    {
      const std::lock_guard lock(mutex_);
      told = listeners_;
    }
    for (const auto& rung : told) rung();
  }

 private:
  mutable std::mutex mutex_;
  std::list<std::function<void()>> listeners_;
};

}  // namespace beffroi::daemon
