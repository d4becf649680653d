// The first stage: walks all sources in path order, compares with the last snapshot, and decides for each file whether
// it must be read.
#pragma once

#include <map>
#include <set>

#include "daemon/backup/backup.h"
#include "daemon/backup/previous_tree.h"
#include "daemon/backup/problems.h"
#include "daemon/backup/slot.h"
#include "daemon/backup/store_sink.h"

namespace beffroi::daemon {

/// Groups of hard links remembered at once; of more, each link is read by itself.
inline constexpr std::size_t kMaxLinkGroups = 256 * 1024;

/// What the scan hands on: a slot that is done, or one whose content must be read.
using SlotTaker = std::function<Result<void>(const SlotPointer&)>;

/// What the scan works with; all of it outlives the scan.
struct ScanContext {
  Vault& vault;
  Presence& presence;
  ProblemList& problems;
  Progress& progress;
  const BackupRequest& request;
  storage::ObjectOpener opener;
  /// Tree of the last snapshot, if its digests can be compared with new ones.
  std::optional<storage::ObjectId> previous;
  /// This device made that snapshot: its files are what this device read.
  bool previous_is_own = false;
};

/// Used once, by one thread.
class Scan final : private WalkVisitor {
 public:
  Scan(ScanContext context, SlotTaker take);
  /// Sources in any order, none inside another. ErrorCode::cancelled when progress.cancel was set.
  Result<void> run(std::vector<Source> sources);
  /// What the scan alone can count.
  const storage::CommitStatistics& statistics() const { return statistics_; }
  /// A source was missing or suddenly empty, or something in it could not be looked at.
  bool stale() const { return stale_; }
  /// Entry paths of what has gone since the last snapshot, files only, in batches while the scan runs.
  using Gone = std::function<void(const std::string& entry_path)>;
  void on_gone(Gone gone) { gone_ = std::move(gone); }

 private:
  Result<void> found(Walked walked) override;
  /// An unchanged file costs its lstat, and what was found out about it ahead of the walk: no more.
  Result<bool> take_as_known(const std::string& entry_path, const struct stat& status, bool network) override;
  /// The last snapshot's entry stands for a folder that is open to more people than it was: what was below it stays
  /// hidden from them.
  Result<void> unreadable_folder(Walked walked, const Error& reason) override;
  Result<void> lost_folder(const std::string& entry_path, const Error& reason) override;
  /// Also for a source as a whole. What the last snapshot has of it stays.
  Result<void> unreadable_entry(const std::string& entry_path, const Error& reason) override;
  void problem(const std::string& entry_path, const Error& reason) override {
    context_.problems.add(entry_path, reason);
  }
  void excluded() override { ++statistics_.excluded; }
  void socket_skipped() override { ++statistics_.sockets_skipped; }

  Result<void> scan_source(const Source& source);
  Result<void> take_ancestors(const std::string& entry_path, bool source_is_there);
  Result<bool> keep_if_missing(const std::string& entry_path, const OpenFolder& parent, const std::string& name);
  Result<void> keep_below(const std::string& entry_path);
  Result<void> keep(storage::Entry entry);
  std::unique_ptr<PreviousLeaves> leaves_of_previous();
  Result<void> hand_on(const SlotPointer& slot);
  Result<void> hand_on_known();
  Result<void> add_known(const KnownEntry& entry);
  Result<void> take_folder(const std::string& entry_path, int folder, const struct stat& status,
                           std::optional<storage::Entry> previous, bool source_is_there = true);
  Result<std::optional<KnownEntry>> take_known(const std::string& entry_path);
  Result<std::optional<storage::Entry>> take_previous(const std::string& entry_path);
  void note_folder(const Slot& slot);
  bool may_keep(const std::string& entry_path) const;
  Result<bool> is_as_known(const KnownEntry& known, const struct stat& status);
  Result<bool> content_is_known(Slot& slot);
  bool join_links(Slot& slot);
  void forget_previous(const Error& reason);
  template <class Value>
  Result<Value> or_without_previous(Result<Value> outcome, Value without);

  ScanContext context_;
  const SlotTaker take_;
  Gone gone_;
  MetadataReader own_metadata_;
  MetadataReader& metadata_;
  PreviousTree previous_;
  KnownRun known_;                            ///< not handed on yet
  std::shared_ptr<const KnownLeaf> weighed_;  ///< of the last run that was handed on
  storage::FileCacheCursor cached_;
  const Source* source_ = nullptr;
  bool source_begun_ = false;        ///< something of it was handed on
  std::set<std::string> ancestors_;  ///< entry paths that were handed on
  /// Entry path of the outermost folder on the way that is open to more people than it was.
  std::optional<std::string> widened_;
  std::map<std::pair<dev_t, ino_t>, std::shared_ptr<LinkGroup>> links_;
  storage::CommitStatistics statistics_;
  bool stale_ = false;
};

}  // namespace beffroi::daemon
