#include "daemon/restore/read_ahead.h"

#include <algorithm>

namespace beffroi::daemon {

using storage::ObjectId;

ReadAhead::ReadAhead(const storage::ObjectOpener& opener, std::size_t threads) : opener_(opener) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  added_.notify_all();
}

void ReadAhead::add(SegmentTasks tasks) {
  for (const auto& task : tasks) task->given = true;
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(tasks));
  }
  added_.notify_one();
}

void ReadAhead::wait(const std::shared_ptr<SegmentTask>& task) {
  if (threads_.empty()) {
    task->bytes = open(task->segment);
    task->done = true;
  }
  if (task->done) return;
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [&] { return task->done.load(); });
}

void ReadAhead::open_all(const SegmentTasks& tasks) {
  for (const auto& task : tasks) task->bytes = open(task->segment);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& task : tasks) task->done = true;
  }
  opened_.notify_all();
}

void ReadAhead::work() {
  for (;;) {
    SegmentTasks tasks;
    {
      std::unique_lock lock(mutex_);
      added_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (closed_) return;
      tasks = std::move(waiting_.front());
      waiting_.pop_front();
    }
    open_all(tasks);
  }
}

/// Who comes first opens the bundle, the others wait for it. (Never the other way round: the opener waits for nobody.)
Result<ReadAhead::Bundle> ReadAhead::open_bundle(const ObjectId& id) {
  std::shared_ptr<CachedBundle> bundle;
  {
    std::unique_lock lock(mutex_);
    const auto found =
        std::find_if(bundles_.begin(), bundles_.end(), [&](const auto& known) { return known->id == id; });
    if (found != bundles_.end()) {
      bundles_.splice(bundles_.begin(), bundles_, found);
      bundle = bundles_.front();
      opened_.wait(lock, [&] { return bundle->opened; });
      return bundle->bytes;
    }
    bundle = std::make_shared<CachedBundle>(CachedBundle{id, false, Bundle()});
    bundles_.push_front(bundle);
    if (bundles_.size() > kCachedBundles) bundles_.pop_back();
  }
  auto opened = opener_.open(id, storage::ObjectKind::bundle);
  {
    const std::lock_guard lock(mutex_);
    if (opened)
      bundle->bytes = std::make_shared<const Bytes>(std::move(opened->plaintext));
    else
      bundle->bytes = forward_error(opened);
    bundle->opened = true;
  }
  opened_.notify_all();
  return bundle->bytes;
}

Result<Bytes> ReadAhead::open(const storage::Segment& segment) {
  if (!segment.in_bundle) return storage::read_segment(segment, opener_);
  BEFFROI_TRY(const Bundle bundle, open_bundle(segment.object->id));
  const auto damaged = [&] {
    return fail(ErrorCode::corrupt, N_("Bundle {} does not hold what the snapshot says."), segment.object->id.hex());
  };
  if (segment.offset > bundle->size() || segment.length > bundle->size() - segment.offset) return damaged();
  const auto slice = ByteView(*bundle).subspan(segment.offset, static_cast<std::size_t>(segment.length));
  if (opener_.keys().digests().chunk(slice) != segment.digest) return damaged();
  return to_bytes(slice);
}

}  // namespace beffroi::daemon
