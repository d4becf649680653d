// One cycle of a synced folder with the peer: state exchanged, what waited is sent, trees of others fetched; then the
// folder's own part (share_cycle.h); then its commit is sent.
#pragma once

#include "daemon/share/share_cycle.h"
#include "daemon/sync/peer_link.h"

namespace beffroi::daemon {

/// What one share's cycles work with; outlives them. For the protocol thread.
struct ShareParts {
  Vault& vault;
  FolderCycle& cycle;
  Pool& work;     ///< short things
  Pool& streams;  ///< the folder's part
  Line* line = nullptr;
  /// Tree objects that are here with all below them. To be emptied after a collection.
  std::unordered_set<storage::ObjectId> known_trees{};
};
/// With more of them the memory starts anew.
inline constexpr std::size_t kMaxKnownTreeObjects = 1'000'000;

struct SyncOutcome {
  CycleReport report;
  bool confirmed = false;          ///< the peer has acknowledged all that was committed here
  std::optional<Error> not_sent;   ///< why not; the folder's part was done all the same
  std::optional<Refusal> refused;  ///< the peer has just refused this, and would again
};

/// An error: the folder's part was not done, or failed. When the peer refuses what waits (a quota, say), that is set
/// aside and others' changes are still taken in: nothing of it is lost, as it is in the folder. So they are when the
/// peer wants it later (busy): then it waits.
asio::awaitable<Result<SyncOutcome>> sync_share(PeerLink& link, ShareParts& parts, const ScanScope& scope,
                                                CycleSettings settings, std::shared_ptr<storage::ObjectSource> source,
                                                Progress& progress);

}  // namespace beffroi::daemon
