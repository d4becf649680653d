#include "daemon/sync/stored_objects.h"

#include <asio/post.hpp>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {

using storage::ObjectId;

StoredObjects::StoredObjects(const asio::any_io_executor& executor)
    : executor_(executor), woken_(std::make_shared<asio::steady_timer>(executor)) {}

void StoredObjects::wake() {
  asio::post(executor_, [woken = woken_] { woken->cancel(); });
}

void StoredObjects::add(std::span<const ObjectId> ids) {
  {
    const std::lock_guard lock(mutex_);
    overflowed_ = overflowed_ || waiting_.size() + ids.size() > kMaxStoredObjectsWaiting;
    if (overflowed_) forecast_ = 0;
    if (overflowed_ || finished_) return;
    waiting_.insert(waiting_.end(), ids.begin(), ids.end());
  }
  wake();
}

void StoredObjects::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    waiting_.clear();
  }
  wake();
}

bool StoredObjects::finished() {
  const std::lock_guard lock(mutex_);
  return finished_;
}

void StoredObjects::nobody_sends() {
  const std::lock_guard lock(mutex_);
  overflowed_ = true;
  forecast_ = 0;
  waiting_.clear();
}

asio::awaitable<StoredObjects::Wait> StoredObjects::wait(std::chrono::milliseconds longest) {
  woken_->expires_after(longest);
  for (bool over = false;;) {
    {
      const std::lock_guard lock(mutex_);
      if (finished_) co_return Wait::finished;
      if (!waiting_.empty()) co_return Wait::ids;
    }
    if (over) co_return Wait::nothing;
    over = co_await time_comes(*woken_);
  }
}

std::vector<ObjectId> StoredObjects::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace beffroi::daemon
