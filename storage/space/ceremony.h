// What only the root can do, as pure functions: the caller (the command line, which holds the kit's words for a moment)
// derives the root's keys, calls one of these, hands the signed records to the daemon and wipes the root. The daemon
// never sees a root secret.
#pragma once

#include "storage/space/epoch.h"

namespace beffroi::storage {

/// The rules that a vault is founded with. The lock outlasts a month of holidays in which nobody looks. Two days by the
/// hour and two months by the day are what is asked back daily; half a year by the week, three budget years by the
/// month, and ten years by the year, which is how long accounts are kept. Nothing more by age alone: a flood of
/// snapshots would be kept as well.
inline constexpr RetentionBody kDefaultRetention{
    .lock_days = 30, .within_days = 0, .hourly = 48, .daily = 60, .weekly = 26, .monthly = 36, .yearly = 10};

/// What a daemon says of its device when it asks to be admitted. Travels over the local socket only.
struct DeviceRequest {
  crypto::DevicePublic device;
  crypto::SecretBytes preshared;

  crypto::SecretBytes encode() const;  ///< CBOR [device, pre-shared secret]
  static Result<DeviceRequest> decode(ByteView bytes);
};

/// Founds a vault: genesis, the station's device as a writer, epoch 1 boxed for root and device, kDefaultRetention.
/// Returns the encoded records. usage: a name that is empty or longer than kMaxSpaceNameBytes.
Result<std::vector<Bytes>> found_vault(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                       const std::string& name, UnixTime clock, crypto::Random& random);

/// The newest commit of a branch.
struct BranchEnd {
  CommitId commit;
  std::uint64_t sequence = 0;
};

struct RecoveryPlan {
  const SpaceLog* log = nullptr;  ///< verified
  bool keep_others = false;       ///< else all other devices are removed
  /// The loss was a theft: the next epoch brings new content keys, and what is backed up next is stored anew.
  bool hostile = false;
  std::map<DeviceId, BranchEnd> heads;  ///< last commit of each device, as the peer gave them and this client verified
  std::optional<HomeBody> home;         ///< the peer that was recovered from
};
/// Admits a new device after a loss: device, removal of the others with their last valid commits, recovery, epoch
/// rotation (and home when it differs). Returns the encoded records, to be appended in order. Goes on where an earlier
/// recovery of the same device was cut short. refused: the kit is not that of this space; already_exists: the device
/// was removed before, it needs new keys; wrong_state: with keep_others, a device that never got keys; usage: an
/// unusable home address; else what open_access says when no epoch opens for the root.
Result<std::vector<Bytes>> recover_vault(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                         const RecoveryPlan& plan, UnixTime clock, crypto::Random& random);

/// A pure rotation by a device that may write: same members, fresh secret. wrong_state when the newest epoch does not
/// open for `me`, or a new device waits for its first keys; otherwise the log's reasons.
Result<Bytes> rotate_epoch(const SpaceLog& log, const crypto::DeviceKeys& me, UnixTime clock, crypto::Random& random);

/// New rules for what is kept, in force for what gets its receipt from then on. refused: the kit is not that of this
/// space, or the log's reasons; usage: a lock or window out of bounds.
Result<Bytes> set_retention(const crypto::DeviceKeys& root, const SpaceLog& log, const RetentionBody& rules,
                            UnixTime clock);
/// A deletion of snapshots, which then waits (deletion_wait.h). `commits` in any order. refused as above; usage: none,
/// or more than kMaxNamedCommits.
Result<Bytes> delete_commits(const crypto::DeviceKeys& root, const SpaceLog& log, std::vector<CommitId> commits,
                             UnixTime clock);
/// Takes a deletion back: in a vault any device may. refused: the log's reasons.
Result<Bytes> cancel_deletion(const SpaceLog& log, const crypto::DeviceKeys& signer, const RecordId& deletion,
                              UnixTime clock);

}  // namespace beffroi::storage
