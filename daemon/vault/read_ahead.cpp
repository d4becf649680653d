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

// Is `next` opened by the same thread as those before it?
bool ReadAhead::belongs_to(const SegmentTask& last, const SegmentTask& next, std::size_t together) {
  if (last.segment.in_bundle != next.segment.in_bundle) return false;
  return next.segment.in_bundle ? last.segment.object == next.segment.object : together < kChunksTogether;
}

void ReadAhead::add(SegmentTasks tasks) {
  prefetch(tasks);
  for (const auto& task : tasks) task->given = true;
  if (threads_.empty()) return;
  std::size_t woken = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t before = waiting_.size();
    const SegmentTask* last = nullptr;
    for (auto& task : tasks) {
      if (last == nullptr || !belongs_to(*last, *task, waiting_.back().size())) waiting_.emplace_back();
      last = task.get();
      waiting_.back().push_back(std::move(task));
    }
    woken = std::min(idle_, waiting_.size() - before);
  }
  for (; woken > 0; --woken) added_.notify_one();
}

void ReadAhead::wait(const std::shared_ptr<SegmentTask>& task) {
  if (threads_.empty()) {
    task->bytes = open(task->segment);
    task->done = true;
  }
  if (task->done) return;
  std::unique_lock lock(mutex_);
  awaited_ = task.get();
  done_.wait(lock, [&] { return task->done.load(); });
  awaited_ = nullptr;
}

void ReadAhead::open_all(const SegmentTasks& tasks) {
  for (const auto& task : tasks) task->bytes = open(task->segment);
  bool is_awaited = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& task : tasks) task->done = true;
    is_awaited = awaited_ != nullptr && awaited_->done;
    if (is_awaited) awaited_ = nullptr;
  }
  if (is_awaited) done_.notify_one();
}

void ReadAhead::work() {
  for (;;) {
    SegmentTasks tasks;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      added_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      --idle_;
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
