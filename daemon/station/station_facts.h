// What the status says, gathered beforehand: asking for the status never waits for a disk, a lock or a job.
#pragma once

#include <map>

#include "daemon/backup/source.h"
#include "daemon/station/station_state.h"

namespace beffroi::daemon {

enum class SourceCondition : std::uint8_t { unknown, ok, missing, empty };
/// "ok", "missing", "empty"; what was not looked at yet counts as ok.
const char* source_condition_name(SourceCondition condition);

/// A date of the peer's, and this machine's of the same time, which are more than kClockLeewayS apart.
struct ClockDifference {
  storage::UnixTime peer;
  storage::UnixTime here;
};

/// The last loss that the peer declared.
struct LossFacts {
  std::uint64_t count = 0;  ///< of all that it declared
  storage::UnixTime declared, since;
  std::string reason;
  bool settled = false;          ///< all was sent again
  std::uint64_t unsendable = 0;  ///< snapshots of this station that can't be
};

struct StationFacts {
  bool founded = false;
  std::string space, device;  ///< hexadecimal
  std::string name;
  std::vector<std::string> sources;  ///< paths
  std::optional<LastBackup> last_backup;
  std::optional<storage::Receipt> last_receipt;
  std::uint64_t pending_commits = 0;
  /// Since when the peer has confirmed nothing although there is something to confirm: the oldest pending snapshot, the
  /// day that the peer was joined, or the newest receipt, whichever is the latest. nullopt: nothing waits, or no peer.
  std::optional<storage::UnixTime> unconfirmed_since;
  std::optional<std::string> peer_address;
  PeerContact contact;
  /// By the newest receipt, or an expiry that was not taken for its date.
  std::optional<ClockDifference> clocks_differ;
  bool collection_due = false;
  CollectionMemory collections;
  std::optional<LossFacts> peer_loss;
  std::uint64_t store_bytes = 0, free_bytes = 0;
  bool disk_nearly_full = false;
  std::string kit_file;                ///< the sheet, while it still exists
  std::vector<std::string> kit_files;  ///< all files with the kit's words that still exist
};

/// Reads the vault and its disk. Blocking, short.
StationFacts gather_facts(Vault& vault, const StationState& state, const storage::StoreLimits& limits);
/// Looks at the sources themselves. Blocking, and a network folder may make it long.
std::map<std::string, SourceCondition> look_at_sources(const std::vector<std::string>& paths);

}  // namespace beffroi::daemon
