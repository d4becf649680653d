// One backup: walk the sources, merge with the previous snapshot, read what changed, chunk, digest, look up, compress,
// seal, store; build the tree; commit. Memory is bounded by the constants below; nothing is lost by a crash at any
// moment: objects already stored are found again by the next run through the dedup index.
#pragma once

#include "daemon/backup/metadata.h"
#include "daemon/backup/source.h"
#include "daemon/service/priority.h"
#include "daemon/service/progress.h"

namespace beffroi::daemon {

struct BackupRequest {
  std::vector<std::string> tags;
  bool dry_run = false;
  bool rehash = false;                ///< read everything, whatever the file cache says
  bool accept_empty = false;          ///< an empty or missing source is meant to be so
  std::size_t threads = 0;            ///< 0: one per core
  Priority priority = Priority::low;  ///< of those threads
  storage::StoreLimits limits;
  /// When the peer lacks more than this, the push is cut into partial commits (0: never).
  std::uint64_t partial_step_bytes = 64ULL * 1024 * 1024;
  /// Called, by a thread of the backup, with objects that were stored while it goes on, children before their parents:
  /// somebody may send them already. Of a small backup never.
  std::function<void(std::span<const storage::ObjectId>)> on_stored{};
  /// How many bytes of them the peer has got or gets soon: they need no partial commits.
  std::function<std::uint64_t()> soon_sent_bytes{};
  /// How hard contents are compressed now (zstd's level). Asked from all threads.
  std::function<int()> compression_level = [] { return storage::kDefaultCompressionLevel; };
  /// What reads the files' metadata, outliving the backup; nullptr: one of the backup's own. A seam for tests.
  MetadataReader* metadata = nullptr;
};

struct BackupResult {
  std::optional<storage::CommitId> snapshot;  ///< nullopt for a dry run
  storage::CommitStatistics statistics;
  std::vector<storage::CommitProblem> problems;
  std::uint64_t problems_total = 0;
  std::uint64_t damages = 0;  ///< problems that are damage of the local store
  std::size_t partial_commits = 0;
  bool incomplete() const { return problems_total > 0; }  ///< exit code 3
};

/// Blocking: runs on the caller's thread and `threads` workers of its own. One at a time per vault (busy otherwise).
/// Errors end the whole backup (disk_full, corrupt store, cancelled); a file that can't be read is a problem, not an
/// error.
Result<BackupResult> run_backup(Vault& vault, const std::vector<Source>& sources, const BackupRequest& request,
                                Progress& progress);

}  // namespace beffroi::daemon
