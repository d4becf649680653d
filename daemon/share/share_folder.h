// A shared folder as a cycle sees it: looked at, scanned against the last tree, and brought to a new one. The real one
// is on a disk; a simulation has its own.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "daemon/backup/store_sink.h"
#include "daemon/service/progress.h"
#include "daemon/share/local_paths.h"
#include "storage/merge/brake.h"
#include "storage/merge/ignore.h"
#include "storage/merge/three_way.h"
#include "storage/tree/tree_edit.h"

namespace beffroi::daemon {

/// What a scan looks at. Entry paths; a folder stands for all below it.
struct ScanScope {
  bool everything = false;
  std::set<std::string> paths;
};

/// Something that is not shared as it stands, and why: an English gettext msgid and what fills it.
struct SkippedFile {
  std::string path;
  std::string reason;
  std::vector<std::string> arguments;
};

struct FolderScan {
  std::vector<storage::TreeChange> changes;  ///< against `applied`, strictly ascending; contents are in the sink
  std::vector<SkippedFile> skipped;  ///< left out by rule, kind, name or fault; keeps what `applied` has if unreadable
  std::set<std::string> unquiet;     ///< being written: look again
  /// Not looked at, with all below it: left out by rule or kind, or unreadable. Unlike `skipped` it has no bound: what
  /// is in neither of the two sets, and not there, was deleted.
  std::set<std::string> kept;
  /// Folders of which the folder has only a part, and which are gone from it: they stay in the tree with the other
  /// part.
  std::vector<std::string> parted;
  std::uint64_t files = 0;
  std::uint64_t bytes_read = 0;
};

struct ApplyOutcome {
  std::vector<storage::TreeChange> not_applied;  ///< what the disk has instead, to be put back into the tree
  std::vector<SkippedFile> reasons;
  std::uint64_t files_written = 0;
};

class ShareFolder {
 public:
  virtual ~ShareFolder() = default;
  virtual storage::FolderFound look() = 0;
  /// What `applied` has, and `local` has not, stays in the tree; what stands in its place is skipped, but for folders.
  /// What is new is taken wherever it is.
  virtual Result<FolderScan> scan(StoreSink& sink, const storage::ObjectOpener& opener, storage::ObjectId applied,
                                  const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                                  Progress& progress) = 0;
  virtual Result<ApplyOutcome> apply(const storage::ObjectOpener& opener, std::span<const storage::MergeChange> changes,
                                     Progress& progress) = 0;
  /// All that is in it now survives a power cut.
  virtual Result<void> sync() = 0;
};

}  // namespace beffroi::daemon
