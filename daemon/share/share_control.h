// What the runner of synced folders does for commands: the seam between membership and the folders themselves.
#pragma once

#include <asio/awaitable.hpp>

#include "daemon/service/clock.h"
#include "daemon/share/local_paths.h"
#include "storage/merge/brake.h"
#include "storage/merge/conflict_name.h"

namespace beffroi::daemon {

/// A file of the folder that is not shared, or could not be written there.
struct ShareSkipped {
  std::string path;
  Error reason;
};

/// Changes are held back until somebody says `resume` or `undo`.
struct ShareBrake {
  storage::BrakeReason reason = storage::BrakeReason::too_many;
  storage::CycleCounts counts;
  storage::UnixTime since;
};

/// How a synced folder stands. Never waits for a disk or the network.
struct ShareStatus {
  storage::FolderFound folder = storage::FolderFound::same;
  bool running = false;  ///< a cycle goes on now
  std::optional<storage::UnixTime> last_sync;
  std::optional<Error> last_error;  ///< of the last cycle; nullopt: it went well
  std::uint64_t pending_commits = 0;
  std::vector<storage::MergeConflict> conflicts;  ///< those whose copy is still there
  std::vector<ShareSkipped> skipped;
  std::optional<ShareBrake> brake;
  LocalPaths local;
};

/// What one cycle did.
struct ShareCycle {
  std::uint64_t files_sent = 0;      ///< changed here, and passed on
  std::uint64_t files_received = 0;  ///< changed elsewhere, and written here
  std::uint64_t conflicts = 0;       ///< new ones
  bool confirmed = false;            ///< the peer has everything that is here
  std::optional<Error> not_sent;     ///< why not
};

/// For the protocol thread. not_found: no such space, or one is not let in yet.
class ShareControl {
 public:
  virtual ~ShareControl() = default;
  /// Makes the folder where there is none, and marks it; it may have files. Nothing was founded yet.
  virtual asio::awaitable<Result<void>> prepare(std::string folder, storage::SpaceId space) = 0;
  /// The space was founded here, or its device was let in: its folder is kept in step from now on.
  virtual void begin(storage::SpaceId space) = 0;
  /// Its folder is kept in step no more; it loses its mark, and keeps its files. Returns when nothing uses the space.
  virtual asio::awaitable<void> end(storage::SpaceId space) = 0;
  /// Its log has changed: a cycle soon.
  virtual void look(storage::SpaceId space) = 0;

  /// One cycle now, over everything; waits for it. wrong_state while the brake holds.
  virtual asio::awaitable<Result<ShareCycle>> sync_now(storage::SpaceId space) = 0;
  /// What the brake holds is meant: it is passed on. wrong_state: it does not hold.
  virtual asio::awaitable<Result<ShareCycle>> resume(storage::SpaceId space) = 0;
  /// What the brake holds is not meant: the folder becomes again what the others have. How many files were brought
  /// back. wrong_state as above.
  virtual asio::awaitable<Result<std::uint64_t>> undo(storage::SpaceId space) = 0;
  /// Brings what is at and below entry paths ("" is everything) into the folder, and keeps it there from now on.
  /// not_found: the space has no such path; wrong_state: no cycle has gone through yet.
  virtual asio::awaitable<Result<PartChange>> fetch(storage::SpaceId space, std::set<std::string> paths) = 0;
  /// Takes it out of the folder; it stays in the space. wrong_state: something of this folder has
  /// not reached the peer.
  virtual asio::awaitable<Result<PartChange>> free(storage::SpaceId space, std::set<std::string> paths) = 0;
  virtual Result<ShareStatus> status(const storage::SpaceId& space) const = 0;
};

}  // namespace beffroi::daemon
