// One cycle of a synced folder, without the network: what has changed in it is joined with what the space has,
// committed, and written into it. Before it, the state was exchanged with the peer, what had been committed was sent,
// and the trees of the heads were fetched (share_sync.h).
//
// Killed at any moment, it leaves the folder with each file as it was or as it is to be, and `base` (share_state.h) not
// ahead of the folder. The next cycle scans everything and joins again: what was written already is the same on both
// sides then, and what was not is written.
#pragma once

#include "daemon/share/share_folder.h"
#include "daemon/share/share_state.h"
#include "daemon/share/space_graph.h"

namespace beffroi::daemon {

/// A tree that the peer refused when it was committed, and why: a quota, say.
struct Refusal {
  storage::Digest tree;
  storage::Epoch epoch;
  Error why;
};

/// A fetch that is broken off keeps what it has brought, but for the last ones.
inline constexpr std::size_t kFetchedTogether = 500;
inline constexpr std::uint64_t kFetchedBytesTogether = 64ULL * 1024 * 1024;

struct CycleSettings {
  storage::ChangeAuthor author;  ///< of what is changed here
  storage::IgnoreRules rules = storage::IgnoreRules::defaults();
  storage::StoreLimits limits{};
  bool may_commit = true;            ///< false: what others did is taken in, and nothing is passed on
  std::optional<Refusal> refused{};  ///< this tree is not committed again yet
};

struct CycleReport {
  std::optional<HeldBack> held;           ///< nothing was passed on or taken in
  std::optional<storage::Commit> commit;  ///< made, and to be sent
  std::uint64_t files_passed = 0;         ///< changed here: in the commit
  std::uint64_t files_written = 0;        ///< changed elsewhere: in the folder
  std::uint64_t conflicts = 0;            ///< new ones
  bool look_again = false;                ///< files are being written, or could not be written
  bool refused = false;                   ///< it waits since it is CycleSettings::refused
  bool waits = false;                     ///< there is something to commit, which CycleSettings did not allow
};

/// For one thread at a time, but for skipped().
class FolderCycle {
 public:
  /// Both outlive it.
  FolderCycle(Vault& vault, ShareFolder& folder);

  /// What was committed here has its receipt by now, or was set aside: moves the base on. Before each cycle, and after
  /// a push.
  Result<void> settle();
  /// Blocks. `source` gives what is not here. wrong_state: what was committed before has not been sent, and the
  /// settings allow a commit, or what is to be sent is of older keys; busy: the vault's store is being collected, or
  /// something came into this device's branch meanwhile. After an error nothing is lost, and the next one scans
  /// everything.
  Result<CycleReport> run(const ScanScope& scope, const CycleSettings& settings,
                          std::shared_ptr<storage::ObjectSource> source, Progress& progress);

  /// A commit could not be sent for what it is made of: the next cycle looks at each object, and stores anew what can't
  /// be sent.
  void store_anew() { store_anew_ = true; }

  /// The next cycle passes on what the brake holds. wrong_state: it holds nothing, or the folder is not there.
  Result<void> release();
  /// Brings back what was deleted or rewritten in the folder since it and the others were last the same; what is new
  /// stays. How many files were written. wrong_state: there was no such moment; partial: not all could be brought back,
  /// and the brake goes on holding.
  Result<std::uint64_t> undo(const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
                             Progress& progress);

  /// Brings what the space has at and below these entry paths ("" is everything) into the folder, also what a reader
  /// deleted from it; from now on it is kept there. not_found: the space has no such path; wrong_state: the folder is
  /// not there, or no cycle has read it yet. What could not be written is tried again by the next cycles.
  Result<PartChange> fetch(const std::set<std::string>& paths, const CycleSettings& settings,
                           std::shared_ptr<storage::ObjectSource> source, Progress& progress);
  /// The opposite: it stays in the space, and goes from the folder. What is not as the space has it, or is in use,
  /// stays and is kept. A crash in between is made good by the next cycle.
  Result<PartChange> free(const std::set<std::string>& paths, const CycleSettings& settings,
                          std::shared_ptr<storage::ObjectSource> source, Progress& progress);

  /// May this device write into the space? A reader's changes stay in its folder. Any thread.
  bool can_commit() const;
  /// By path; of the last look at each part of the folder. Any thread.
  std::vector<SkippedFile> skipped() const;
  ShareState& state() { return state_; }
  SpaceGraph& graph() { return graph_; }

 private:
  class Run;
  using Part = Result<PartChange> (Run::*)(const std::set<std::string>& paths);
  Result<PartChange> change_part(Part change, const std::set<std::string>& paths, const CycleSettings& settings,
                                 std::shared_ptr<storage::ObjectSource> source, Progress& progress);
  void note_skipped(const ScanScope& scope, const FolderScan& scan);
  void note_unwritten(const std::vector<SkippedFile>& files);

  Vault& vault_;
  ShareFolder& folder_;
  ShareState state_;
  SpaceGraph graph_;
  bool trusted_ = false;  ///< `applied` is what the folder was at the end of the last cycle
  bool unsynced_ = true;  ///< a scan found changes that a power cut could still take back
  bool store_anew_ = false;
  std::set<std::string> again_;  ///< to be looked at by the next cycle
  mutable std::mutex mutex_;
  std::map<std::string, SkippedFile> skipped_;
  std::map<std::string, SkippedFile> unwritten_;
};

}  // namespace beffroi::daemon
