#include "daemon/vault/read_ahead.h"

#include <algorithm>

namespace beffroi::daemon {

using storage::ObjectId;

ReadAhead::ReadAhead(const storage::ObjectOpener& opener, std::size_t threads, Verify verify)
    : opener_(opener), verify_(verify) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  added_.notify_all();
}

void ReadAhead::prefetch(const SegmentTasks& tasks) {
  std::vector<ObjectId> ids;
  for (const auto& task : tasks)
    if (ids.empty() || ids.back() != task->segment.object->id) ids.push_back(task->segment.object->id);
  if (!ids.empty()) opener_.source().prefetch(ids);
}

void ReadAhead::add(SegmentTasks tasks) {
  prefetch(tasks);
  for (const auto& task : tasks) task->given = true;
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const SegmentTask* last = nullptr;
    for (auto& task : tasks) {
      const bool same_bundle = last != nullptr && task->segment.in_bundle && last->segment.in_bundle &&
                               last->segment.object == task->segment.object;
      last = task.get();
      if (!same_bundle) waiting_.emplace_back();
      waiting_.back().push_back(std::move(task));
    }
  }
  added_.notify_all();
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
Result<ReadAhead::Bundle> ReadAhead::open_bundle(const storage::Segment& segment) {
  const ObjectId& id = segment.object->id;
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
  auto opened = open_object(segment);
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

Result<storage::OpenedObject> ReadAhead::open_object(const storage::Segment& segment) const {
  const auto kind = segment.in_bundle ? storage::ObjectKind::bundle : storage::ObjectKind::chunk;
  return verify_ == Verify::content ? opener_.open_content(segment.object->id, kind)
                                    : opener_.open(segment.object->id, kind);
}

Result<Bytes> ReadAhead::open(const storage::Segment& segment) {
  const storage::DigestKeys& digests = opener_.keys().digests();
  if (!segment.in_bundle) {
    BEFFROI_TRY(storage::OpenedObject chunk, open_object(segment));
    if (chunk.plaintext.size() != segment.length || digests.chunk(chunk.plaintext) != segment.digest)
      return fail(ErrorCode::corrupt, N_("Chunk {} does not hold what the snapshot says."), segment.object->id.hex());
    return std::move(chunk.plaintext);
  }
  BEFFROI_TRY(const Bundle bundle, open_bundle(segment));
  const auto damaged = [&] {
    return fail(ErrorCode::corrupt, N_("Bundle {} does not hold what the snapshot says."), segment.object->id.hex());
  };
  if (segment.offset > bundle->size() || segment.length > bundle->size() - segment.offset) return damaged();
  const auto slice = ByteView(*bundle).subspan(segment.offset, static_cast<std::size_t>(segment.length));
  if (digests.chunk(slice) != segment.digest) return damaged();
  return to_bytes(slice);
}

}  // namespace beffroi::daemon
