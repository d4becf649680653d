// The snapshots of a share in the order in which they came, each with those that it continues, and who made it: what
// its history is told from.
#pragma once

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// Who made a snapshot, as people read it: names of the log, which only managers and the owners themselves say; where
/// none opens here, its own words with the first digits of its device's id.
struct SnapshotMaker {
  DeviceId device;
  std::string person;
  std::string computer;
  bool operator==(const SnapshotMaker&) const = default;
};

struct Moment {
  Snapshot snapshot;
  storage::UnixTime time;  ///< the peer's, or the author's before a receipt; never before those that it continues
  SnapshotMaker maker;
  /// Places of the nearest snapshots behind it, none of which is behind another one; what expired is passed over.
  std::vector<std::size_t> behind;
};

/// A value. What was set aside is left out.
class ShareTimeline {
 public:
  /// Reads all snapshots of the vault, and the commits that expired between them.
  static Result<ShareTimeline> read(Vault& vault);

  /// Oldest first: each stands behind all that it continues.
  const std::vector<Moment>& moments() const { return moments_; }
  /// Places of those that none of the others continues, ascending; with `until` of those alone that were there then.
  std::vector<std::size_t> heads(std::optional<storage::UnixTime> until = std::nullopt) const;

 private:
  std::vector<Moment> moments_;
};

}  // namespace beffroi::daemon
