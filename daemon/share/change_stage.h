// The last stage of a scan: takes what was found in path order, waits for contents, packs small files into bundles and
// makes the list of changes.
#pragma once

#include "daemon/backup/content_stage.h"
#include "daemon/share/share_folder.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {

/// Bounds of what waits for its content.
inline constexpr std::size_t kMaxFoundWaiting = 4096;
inline constexpr std::size_t kMaxFoundBytesWaiting = std::size_t{24} * 1024 * 1024;

/// A change that is known; or a file that is read meanwhile (then `slot` is set, and `change` means nothing).
struct Found {
  storage::TreeChange change;
  SlotPointer slot;
};

/// push() and finish() are called by one thread.
class ChangeStage {
 public:
  /// All outlive it. `network`: the file system keeps neither inodes nor change times.
  ChangeStage(Vault& vault, StoreSink& sink, ProblemList& problems, RunState& run, std::size_t threads, bool network);
  ~ChangeStage();
  /// In ascending path order. Blocks while too many wait.
  void push(Found found);
  /// Nothing more comes; adds to the changes, to what was skipped, is kept or is unquiet.
  Result<void> finish(FolderScan& scan);

 private:
  struct Packing {
    std::optional<storage::OpenBundle> bundle = storage::OpenBundle();
    std::vector<storage::Segment> slices;
    storage::ObjectRef object;  ///< once it is sealed
  };
  using PackingPointer = std::shared_ptr<Packing>;
  /// A change whose content is in a bundle that may not be sealed yet.
  struct Place {
    std::size_t change = 0;
    PackingPointer packing;
    storage::Segment segment;
  };
  void run_stage();
  Result<void> take(Found& found);
  Result<void> take_file(Slot& slot);
  void remember(const Slot& slot);
  void pack(Slot& slot);
  void close_packing();
  void seal_bundles();
  Result<void> seal(Packing& packing);
  void tell_unread(FolderScan& scan) const;

  Vault& vault_;
  StoreSink& sink_;
  ProblemList& problems_;
  RunState& run_;
  const bool network_;
  WorkQueue<Found> found_;
  WorkQueue<PackingPointer> full_;
  std::vector<storage::TreeChange> changes_;
  std::set<std::string> unquiet_, unread_;
  PackingPointer open_;
  std::vector<Place> places_;
  std::unordered_map<storage::Digest, std::pair<PackingPointer, storage::Segment>> packed_;  ///< lately
  std::optional<WorkerThreads> sealers_, thread_;  ///< last: they use all of the above
};

}  // namespace beffroi::daemon
