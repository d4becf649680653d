// Opens segments on threads of its own, ahead of who takes them in order. Bundles are opened once for a run of files.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "storage/tree/content.h"

namespace beffroi::daemon {

/// A segment that is to be opened, and what became of it.
struct SegmentTask {
  storage::Segment segment;
  Result<Bytes> bytes;
  bool given = false;              ///< to a ReadAhead; the owner's
  std::atomic<bool> done = false;  ///< then `bytes` is the owner's again
};
using SegmentTasks = std::vector<std::shared_ptr<SegmentTask>>;

/// How much of an object is verified beside its seal and the digest of what is in it.
enum class Verify { content, object_id_too };

/// add() and wait() are called by one thread; the owner bounds what is added and not yet waited for.
class ReadAhead {
 public:
  /// Without threads a task is done when it is waited for. `opener` outlives this.
  ReadAhead(const storage::ObjectOpener& opener, std::size_t threads, Verify verify);
  ~ReadAhead();
  /// In the order in which they will be waited for. Tells the source of all at once; neighbours in one bundle, and a
  /// few neighbouring chunks, are opened by one thread: waking one for each costs more than it brings.
  void add(SegmentTasks tasks);
  /// Returns when the task is done.
  void wait(const std::shared_ptr<SegmentTask>& task);

 private:
  using Bundle = std::shared_ptr<const Bytes>;
  struct CachedBundle {
    storage::ObjectId id;
    bool opened = false;
    Result<Bundle> bytes;
  };
  void work();
  void prefetch(const SegmentTasks& tasks);
  static bool belongs_to(const SegmentTask& last, const SegmentTask& next, std::size_t together);
  void open_all(const SegmentTasks& tasks);
  Result<storage::OpenedObject> open_object(const storage::Segment& segment) const;
  Result<Bytes> open(const storage::Segment& segment);
  Result<Bundle> open_bundle(const storage::Segment& segment);

  static constexpr std::size_t kCachedBundles = 8;
  static constexpr std::size_t kChunksTogether = 4;

  const storage::ObjectOpener& opener_;
  const Verify verify_;
  std::mutex mutex_;
  std::condition_variable added_;                     ///< for the threads
  std::condition_variable done_;                      ///< for the owner
  std::condition_variable opened_;                    ///< for threads that wait for another one's bundle
  std::deque<SegmentTasks> waiting_;                  ///< each for one thread
  std::size_t idle_ = 0;                              ///< threads that wait for work
  const SegmentTask* awaited_ = nullptr;              ///< by the owner, who is to be woken
  std::list<std::shared_ptr<CachedBundle>> bundles_;  ///< the last used first
  bool closed_ = false;
  std::vector<std::jthread> threads_;  ///< last: they use all of the above
};

}  // namespace beffroi::daemon
