// The last stage: takes the entries in path order, waits for the content of each, packs small files into bundles, and
// builds the tree.
#pragma once

#include <deque>

#include "daemon/backup/content_stage.h"
#include "daemon/backup/partial_commits.h"
#include "daemon/backup/sparse_bundles.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {

/// Bounds of what waits between walk and tree.
inline constexpr std::size_t kMaxSlotsWaiting = 4096;
inline constexpr std::size_t kMaxSlotBytesWaiting = std::size_t{24} * 1024 * 1024;
/// Entries that wait for a bundle to fill; with more, it is closed as it is.
inline constexpr std::size_t kMaxHeldBytes = std::size_t{16} * 1024 * 1024;

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
            storage::UnixTime trusted_before, PartialPlan& plan, BundleUse& bundles);
  ~TreeStage();

  void push(const SlotPointer& slot) { slots_.push(slot, weight_of(*slot)); }
  /// Nothing more comes; waits for the tree.
  Result<BuiltTree> finish();

 private:
  struct Held {
    SlotPointer slot;
    std::size_t weight = 0;
    bool waits_for_bundle = false;
  };
  void run_stage();
  Result<void> take(const SlotPointer& slot);
  Result<void> hold_small(const SlotPointer& slot);
  Result<void> emit_ready();
  Result<void> emit(Slot& slot);
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
  WorkQueue<SlotPointer> slots_;
  std::deque<Held> held_;
  std::uint64_t first_held_ = 0;  ///< number of held_.front() among all that were ever held
  std::size_t held_bytes_ = 0;
  storage::BundlePacker packer_;
  storage::TreeBuilder builder_;
  BuiltTree built_;
  std::optional<WorkerThreads> thread_;  ///< one; last: it uses all of the above
};

}  // namespace beffroi::daemon
