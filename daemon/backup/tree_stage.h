// The last stage: takes the entries in path order, waits for the content of each, packs small files into bundles, which
// are sealed by threads of their own, and builds the tree.
#pragma once

#include <atomic>
#include <deque>

#include "daemon/backup/content_stage.h"
#include "daemon/backup/partial_commits.h"
#include "daemon/backup/sparse_bundles.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {

/// Bounds of what waits between walk and tree.
inline constexpr std::size_t kMaxSlotsWaiting = 4096;
inline constexpr std::size_t kMaxSlotBytesWaiting = std::size_t{24} * 1024 * 1024;
/// So many are handed over at once: waking a thread for each would cost more than the work on it.
inline constexpr std::size_t kSlotsPerPush = 64;
/// Entries that wait for a bundle to fill; with more, it is closed as it is.
inline constexpr std::size_t kMaxHeldBytes = std::size_t{16} * 1024 * 1024;
/// Contents that were packed lately are remembered: a file that was looked up in the index before they were there comes
/// soon after them. (One that comes later all the same is packed once more, which costs its few bytes.)
inline constexpr std::size_t kMaxRecentlyPacked = 2 * kMaxSlotsWaiting;
/// Full bundles that wait to be sealed.
inline constexpr std::size_t kMaxBundlesWaiting = 2;

struct BuiltTree {
  storage::TreeRoot root;
  storage::CommitStatistics statistics;
};

/// push() and finish() are called by one thread; the work is done on a thread of its own.
class TreeStage {
 public:
  /// Files whose change times are not older than `trusted_before` are read again by the next backup: a change within
  /// the same tick of the clock would not show.
  TreeStage(Vault& vault, StoreSink& sink, ProblemList& problems, RunState& run, Progress& progress,
            storage::UnixTime trusted_before, PartialPlan& plan, BundleUse& bundles, std::size_t threads);
  ~TreeStage();

  void push(const SlotPointer& slot);
  /// Nothing more comes; waits for the tree.
  Result<BuiltTree> finish();

 private:
  struct Held {
    SlotPointer slot;
    std::size_t weight = 0;
    bool waits_for_bundle = false;
  };
  /// One bundle, from its first file until the entries of its files have been told where they are.
  struct Packing {
    storage::OpenBundle bundle;
    std::vector<std::pair<std::uint64_t, storage::Segment>> files;  ///< number of the held entry, where its content is
    std::atomic<bool> sealed = false;                               ///< becomes true in RunState::update()
    storage::ObjectRef object;                                      ///< known when sealed
  };
  void push_on();
  void run_stage();
  Result<void> take(const SlotPointer& slot);
  Result<void> hold_small(const SlotPointer& slot);
  Packing* packing_of(const storage::Digest& digest);
  const storage::Segment* packed_lately(const storage::Digest& digest) const;
  void note_packed(const storage::Segment& segment);
  void close_packing();
  Result<void> take_sealed(Packing& packing);
  Result<void> take_what_is_sealed();
  Result<bool> take_all_packings();
  void seal_bundles();
  Result<void> emit_ready();
  Result<void> emit(Slot& slot);
  Result<void> emit_known(const KnownRun& run);
  Result<void> resolve_link(Slot& slot);
  Result<void> fall_back(Slot& slot);
  void remember_file(const Slot& slot);

  Vault& vault_;
  StoreSink& sink_;
  ProblemList& problems_;
  RunState& run_;
  Progress& progress_;
  const storage::UnixTime trusted_before_;
  PartialPlan& plan_;
  BundleUse& bundles_;
  std::vector<SlotPointer> pushed_;  ///< not handed over yet; of the thread that pushes
  std::size_t pushed_bytes_ = 0;
  WorkQueue<std::vector<SlotPointer>> slots_;
  std::deque<Held> held_;
  std::uint64_t first_held_ = 0;  ///< number of held_.front() among all that were ever held
  std::size_t held_bytes_ = 0;
  std::deque<std::shared_ptr<Packing>> packings_;  ///< in order
  Packing* open_ = nullptr;                        ///< the last of them, when it still takes files
  WorkQueue<std::shared_ptr<Packing>> full_;
  std::unordered_map<storage::Digest, storage::Segment> packed_, packed_before_;  ///< lately, and in the lot before
  storage::TreeBuilder builder_;
  BuiltTree built_;
  std::optional<WorkerThreads> sealers_, thread_;  ///< last: they use all of the above; thread_ is one
};

}  // namespace beffroi::daemon
