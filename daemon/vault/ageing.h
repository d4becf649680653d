// What the rules of a vault say of each of its snapshots.
#pragma once

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

struct AgeingQuestion {
  storage::UnixTime as_of;
  std::optional<storage::RetentionBody> proposed = {};  ///< as if the root had just signed it
};

struct JudgedSnapshot {
  Snapshot snapshot;
  /// nullopt: the peer has not confirmed it, or it was set aside; nothing lets it go then.
  std::optional<storage::RetentionVerdict> verdict;
  std::optional<storage::RecordId> deletion;  ///< that waits for it
};

/// All snapshots, oldest first. With a peer as the peer decides, by its receipts; on a station without one by the
/// commits' own clocks and log heads, of this device's branch.
Result<std::vector<JudgedSnapshot>> judge_snapshots(Vault& vault, const AgeingQuestion& question);

/// The rules that are in force now, and since which record; nullopt: there are none, and everything is kept.
struct RulesInForce {
  storage::RetentionBody rules;
  storage::UnixTime signed_at;
};
std::optional<RulesInForce> rules_in_force(const storage::SpaceLog& log);
/// Does `proposed` keep less than `rules` in any way?
bool is_weaker(const storage::RetentionBody& proposed, const storage::RetentionBody& rules);

/// On a station without a peer: what its rules and due deletions let go now; else nothing. Time stands still at the
/// newest snapshot: where no backups are made nothing ages, and a clock that runs ahead makes nothing look old before
/// the next backup.
Result<std::vector<storage::CommitId>> forgettable(Vault& vault, storage::UnixTime now);

}  // namespace beffroi::daemon
