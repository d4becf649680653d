// The log of a space, verified record by record: who is a member, with which devices, in which epoch. The same code
// runs on every client (which trusts nobody) and on the peer (which enforces it). The rules stand in log_rules.cpp.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "storage/space/commit.h"
#include "storage/space/record.h"

namespace beffroi::storage {

struct MemberState {
  crypto::DevicePublic root;
  Role role = Role::reader;
  bool removed = false;
};

struct DeviceState {
  crypto::DevicePublic keys;
  IdentityId identity;
  Role role = Role::writer;  ///< now: what its record says, or its identity's role when that does not include it
  bool removed = false;
  std::optional<CommitId> last_valid_commit;  ///< set when removed; see SpaceLog::accepts
  std::uint64_t last_valid_sequence = 0;      ///< that commit's number in its branch
  Epoch since;                                ///< first epoch it was entitled to
  Role certified = Role::writer;              ///< as its device record says
  std::optional<std::uint64_t> removed_at;    ///< position of the record
  /// Roles and the position from which each held, ascending; the first is that of the device record.
  std::vector<std::pair<std::uint64_t, Role>> roles;
  /// Where it lost a right to write, ascending. Of what it signed under an older log head than `position`, only this
  /// commit and those before it count.
  struct Cut {
    std::uint64_t position = 0;
    std::optional<CommitId> commit;
    std::uint64_t sequence = 0;
  };
  std::vector<Cut> cuts{};

  /// nullopt: not a member at that position of the log.
  std::optional<Role> role_at(std::uint64_t position) const;
};

/// A space's rules of retention, each with the position of its record, ascending.
using RetentionHistory = std::vector<std::pair<std::uint64_t, RetentionBody>>;

/// Rotations by devices in a row, before root or a manager has signed something again. A log only grows: a stolen
/// device must not make it unreadable by length.
inline constexpr std::uint32_t kMaxRotationsInARow = 64;

/// A value: copies are independent. Not thread-safe for writing.
class SpaceLog {
 public:
  /// Verifies from the genesis. `expected` (kit, invitation or local knowledge): the genesis must hash to it (corrupt
  /// otherwise).
  static Result<SpaceLog> from_records(std::span<const Bytes> records, std::optional<SpaceId> expected);
  static Result<SpaceLog> from_genesis(ByteView genesis);

  /// Verifies chain, signature, authority and content of the next record and applies it; on an error nothing changes.
  /// ErrorCode::refused: the signer has no right to this, or the rules forbid it; corrupt: malformed or not chained;
  /// conflict: it follows an older head (somebody else was faster: read the log again, decide again, sign again).
  /// Rules of a vault: root signs everything; a device that may write signs pure rotations (next number, same content
  /// generation, boxes for exactly the entitled devices and the root), at most kMaxRotationsInARow of them.
  /// Rules of a share: devices of managers sign members, devices, removals, epochs, retention, pins, homes, deletions
  /// and settings; those that may write also pure rotations; any device its own removal; root signs everything. In
  /// both: any device takes a deletion back; root alone signs recovery and handover. While a rotation is due, only an
  /// epoch or further removals may follow, and from root also members, devices, homes and recoveries (a ceremony that
  /// was cut short must be able to go on).
  Result<void> append(ByteView record);
  /// Would append() take it? The record, with append()'s errors. Costs no copy of the log.
  Result<Record> verify_next(ByteView record) const;

  const SpaceId& space() const { return space_; }
  SpaceKind kind() const { return kind_; }
  const Record& head() const { return records_.back(); }
  /// Parsed and encoded records, genesis first.
  const std::vector<Record>& records() const { return records_; }
  const std::vector<Bytes>& encoded() const { return encoded_; }
  const crypto::DevicePublic& root() const { return root_; }
  const std::map<IdentityId, MemberState>& members() const { return members_; }
  /// Removed ones included.
  const std::map<DeviceId, DeviceState>& devices() const { return devices_; }
  const DeviceState* device(const DeviceId& id) const;
  const DeviceState* device_by_transport(const crypto::TransportPublicKey& key) const;  ///< not removed ones
  const DeviceState* device_by_signer(const crypto::SigningPublicKey& key) const;       ///< not removed ones
  /// 0 before the first epoch record.
  Epoch epoch() const { return epoch_; }
  /// True before the first epoch, and after a removal or handover until the next one: commits wait.
  bool rotation_due() const { return rotation_due_; }
  /// The next epoch must bring new content keys: a departure was hostile, or the root changed.
  bool new_content_keys_due() const { return hostile_pending_; }
  std::uint32_t content_generation() const { return content_generation_; }
  /// Ids (root's device id included) that the next epoch's boxes must be for, ascending.
  std::vector<DeviceId> entitled() const;
  /// Public keys of an entitled id, else nullptr.
  const crypto::DevicePublic* entitled_keys(const DeviceId& id) const;
  std::optional<HomeBody> home() const { return home_; }
  /// All rules that there ever were; none yet: nothing expires.
  const RetentionHistory& retentions() const { return retentions_; }
  /// Of a share, now: its newest settings, or what a new space begins with.
  const IgnoreRules& ignore_rules() const { return ignore_rules_; }
  bool pinned(const CommitId& commit) const { return pinned_.contains(commit); }
  /// True when some device or root of this log, present or past, has this as one of its public keys.
  bool key_used(ByteView public_key) const;
  /// A deletion that was taken back.
  bool cancelled(const RecordId& deletion) const { return cancelled_.contains(deletion); }
  std::uint32_t rotations_in_a_row() const { return rotations_in_a_row_; }
  /// Position of a record in the chain, nullopt when it is not in this log.
  std::optional<std::uint64_t> position(const RecordId& id) const;

  /// May this device's commit stand under the log? Checks space, signature, that its log head is in the log, and that
  /// at that head its device could write and its epoch was current. Of a device that was removed, or lost its right to
  /// write, stand its last valid commit and those before it in the branch. (The log can't see ancestry: whoever holds
  /// the branch checks that its commits are linked.) refused / corrupt with the reason; conflict: its log head is not
  /// in this log.
  Result<void> accepts(const Commit& commit) const;
  /// For a commit that arrives now: also, its device may still write, its epoch is the current one and no rotation is
  /// due.
  Result<void> accepts_new_commit(const Commit& commit) const;

 private:
  SpaceLog() = default;
  void keep(Record record, ByteView encoded);
  Result<void> check_chain(const Record& record) const;
  Result<void> check_author(const DeviceState& device, const Commit& commit, std::uint64_t position) const;

  /// The state of epochs after each record.
  struct EpochAt {
    Epoch epoch;
    bool rotation_due = false;
  };

  SpaceId space_;
  SpaceKind kind_ = SpaceKind::vault;
  crypto::DevicePublic root_;
  std::vector<Record> records_;
  std::vector<Bytes> encoded_;
  std::unordered_map<RecordId, std::uint64_t> positions_;
  std::vector<EpochAt> epochs_;
  std::map<DeviceId, DeviceState> devices_;
  std::map<IdentityId, MemberState> members_;
  /// Every public key that any device or root ever had here: none is used twice.
  std::set<std::array<std::uint8_t, 32>> used_keys_;
  std::set<RecordId> cancelled_;
  std::set<CommitId> pinned_;
  Epoch epoch_;
  std::uint32_t content_generation_ = 1;
  bool rotation_due_ = true;
  bool hostile_pending_ = false;
  std::uint32_t rotations_in_a_row_ = 0;
  std::optional<HomeBody> home_;
  RetentionHistory retentions_;
  IgnoreRules ignore_rules_ = IgnoreRules::defaults();
  friend struct LogChanges;
};

/// The newest recovery by which `device` goes on, nullptr without one. Lives as long as the log is not changed.
const RecoveryBody* last_recovery(const SpaceLog& log, const DeviceId& device);

}  // namespace beffroi::storage
