#include "daemon/sync/stored_objects.h"

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

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

asio::awaitable<bool> StoredObjects::wait() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (finished_) co_return false;
      if (!waiting_.empty()) co_return true;
    }
    asio::error_code ignored;
    woken_->expires_at(asio::steady_timer::time_point::max());
    co_await woken_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

std::vector<ObjectId> StoredObjects::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace beffroi::daemon
