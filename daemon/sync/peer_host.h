// The peer's side without the network: tenants, invitations and the rules of hosting one space. Blocking, called on the
// pool. Everything that a station may ask is a method here, so that tests and simulations reach it without a socket.
#pragma once

#include <memory>
#include <mutex>

#include "daemon/service/clock.h"
#include "daemon/sync/audit_log.h"
#include "daemon/sync/erasure.h"
#include "daemon/sync/organisation.h"
#include "daemon/sync/share_answers.h"
#include "daemon/sync/space_collection.h"
#include "storage/space/invitation.h"
#include "storage/store/lease_store.h"
#include "storage/store/object_store.h"
#include "storage/store/space_store.h"

namespace beffroi::daemon {

using crypto::DeviceId;

inline constexpr std::int64_t kInvitationMemoryDays = 30;
/// Longest log of one space.
inline constexpr std::uint64_t kMaxLogBytes = 32ULL * 1024 * 1024;
/// Beyond this a space's log takes records of its root only.
inline constexpr std::uint64_t kMaxDeviceLogBytes = 24ULL * 1024 * 1024;

/// The same of a share, which needs no invitation by the operator. Removals, and the epochs that they make due, may go
/// 1 MiB beyond the second: a member about to be removed must not be able to fill it before.
inline constexpr std::uint64_t kMaxShareLogBytes = 12ULL * 1024 * 1024;
inline constexpr std::uint64_t kMaxShareDeviceLogBytes = 8ULL * 1024 * 1024;
/// Of one organisation; and the longest log that one is founded with.
inline constexpr std::size_t kMaxSharesPerOrganisation = 64;
inline constexpr std::size_t kMaxFoundingBytes = 256U * 1024;

/// What an object counts in a quota beside its bytes: its facts, and the pins of leases.
inline constexpr std::uint64_t kBytesPerObject = 256;
/// Records that devices may append to one space's log in an hour of the peer's running time: each costs the peer a copy
/// of the log. In a share it is each device. The root's are not counted: a thief must not keep it from removing a
/// device; nor, in a share, where devices of managers remove, are removals and the epochs that they make due: there are
/// as many as devices that were admitted.
inline constexpr std::uint64_t kMaxRecordsPerHour = 60;
/// A device that was stolen can't make a branch too long for a recovery.
inline constexpr std::uint64_t kMaxCommitsPerDay = 500;
/// The same in a share, where every pause of somebody's work is a commit.
inline constexpr std::uint64_t kMaxShareCommitsPerDay = 5000;
inline constexpr std::uint64_t kMaxShareInvitationsPerHour = 60;
inline constexpr std::int64_t kMaxShareInvitationDays = 366;
/// How old the commit behind the end that a removal names may be: a thief who goes on pushing must not keep a recovery
/// from coming to its end.
inline constexpr std::int64_t kBranchEndHours = 24;

/// A space whose records do not load: it is not served, the others are.
struct DamagedTenant {
  storage::SpaceId space;
  OrganisationId organisation;
  std::string name;  ///< of the organisation
  Error error;
};
/// An erasure that has begun and can't be finished: its organisation is shut out all the same.
struct StuckErasure {
  OrganisationId organisation;
  std::string name;  ///< of the organisation
  Error error;
};
struct PendingInvitation {
  std::string id;  ///< for people: the beginning of its transport key
  OrganisationId organisation;
  std::string name;  ///< of the organisation
  storage::UnixTime expires;
  bool used = false;
  bool revoked = false;
};
/// A snapshot that is held, and what the rules of its space say of it.
struct HeldSnapshot {
  DeviceId device;
  storage::ReceiptedCommit commit;
  storage::RetentionVerdict verdict;
};
/// A deletion that the root signed.
struct WaitingDeletion {
  storage::RecordId record;
  std::vector<storage::CommitId> commits;
  storage::UnixTime received;  ///< by the peer's clock
  storage::UnixTime due;       ///< not before; each of its snapshots waits for its own lock as well
  bool cancelled = false;      ///< by a member or the operator
};
/// A space: a station's vault, or a share of an organisation.
struct Tenant {
  storage::SpaceId space;
  storage::SpaceKind kind = storage::SpaceKind::vault;
  OrganisationId organisation;
  std::string name;                          ///< of the organisation
  std::optional<std::uint64_t> quota_bytes;  ///< of the organisation, for all its spaces
  bool suspended = false;
  std::uint64_t used_bytes = 0;  ///< sealed objects and kBytesPerObject for each, log and commits
  storage::UnixTime enrolled;
  std::optional<storage::UnixTime> last_contact;
  std::optional<storage::UnixTime> last_commit;
  std::uint64_t commits = 0;
  std::uint64_t quarantined = 0;
};

/// What the operator says of a loss.
struct LossWords {
  storage::UnixTime since;
  std::string reason;                       ///< storage::is_loss_reason()
  std::optional<std::string> organisation;  ///< by name; nullopt: all
};
struct DeclaredLoss {
  std::string organisation;  ///< its name
  storage::Loss loss;
};

struct HostedOrganisation {
  OrganisationId id;
  OrganisationState state;
  std::uint64_t used_bytes = 0;  ///< of all its spaces
  std::size_t stations = 0;      ///< vaults
  std::size_t shares = 0;
};
/// What `peer change` changes: what is set.
struct OrganisationChange {
  std::optional<std::string> name{};
  std::optional<std::string> contact{};
  std::optional<std::optional<std::uint64_t>> quota_bytes{};
};
inline constexpr std::size_t kInvitationIdDigits = 8;
std::string invitation_id(const crypto::TransportPublicKey& key);

/// One space at the peer. Thread-safe. Of a suspended organisation everything can be read, and nothing is stored but
/// records of the root (else a machine that is lost meanwhile could not be recovered): the rest is refused, with
/// suspension().
class HostedSpace {
 public:
  virtual ~HostedSpace() = default;
  virtual const storage::SpaceId& space() const = 0;
  virtual storage::SpaceKind kind() const = 0;
  virtual crypto::DevicePublic root() const = 0;
  /// A copy: costs as much as the log is long.
  virtual storage::SpaceLog log() const = 0;
  virtual std::uint64_t log_length() const = 0;
  /// As many as kMaxListBytes hold, at least one when there is any.
  virtual Result<std::vector<Bytes>> records_from(std::uint64_t sequence) const = 0;
  /// Compare-and-swap: conflict unless the record follows the head. Durable when it returns. A record that stands there
  /// already is taken again (a cut line must not look like a lost race). refused, also when root signs it: a removal or
  /// recovery that does not go on from the end of each branch that it names, as it was within the last
  /// kBranchEndHours by the peer's clock. (Else the words of the kit would make every snapshot worthless.) busy: the
  /// pace, kMaxRecordsPerHour. limit_exceeded: the log has become too long.
  virtual Result<void> append_record(ByteView record) = 0;

  /// The open lease of this device, or a new one. Durable when it returns.
  virtual Result<storage::Lease> open_lease(const DeviceId& device) = 0;
  /// Which of these ids are absent (true). Those that are present get pinned under the lease, closures included. At
  /// most 4,096 ids.
  virtual Result<std::vector<bool>> lacks(const storage::LeaseId& lease, std::span<const storage::ObjectId> ids) = 0;
  /// Checks id, header, space, epoch (the current one, or any for healing an object known here), children present,
  /// openly damaged, or earlier in this batch, height, quota; stores and pins. Not yet durable. All or none.
  virtual Result<void> put(const storage::LeaseId& lease, std::span<const Bytes> objects) = 0;
  virtual Result<void> make_durable() = 0;
  /// Rules of the design, section 4: device may write, sequence and parents extend what is known, epoch current,
  /// closure complete, quota. Makes commit and receipt durable together and ends the lease; the same commit again gives
  /// the same receipt, lease or not. The last receipt that it names must be one of this peer's, and a device gets
  /// kMaxCommitsPerDay (kMaxShareCommitsPerDay) receipts in 24 hours. Objects of the closure that are damaged here must
  /// be named in `losses`, now or in an earlier push: the author knows. Errors: conflict (no such lease; an earlier
  /// commit is missing; incomplete: push again), busy (the pace), refused (quota too), corrupt.
  virtual Result<Bytes> accept_commit(const storage::LeaseId& lease, const DeviceId& device, ByteView commit,
                                      std::span<const storage::ObjectId> losses) = 0;

  /// Verified: what no longer hashes to its id is quarantined, and not_found.
  virtual Result<Bytes> get(const storage::ObjectId& id) = 0;
  /// nullopt for those that are not here.
  virtual Result<std::vector<std::optional<storage::ObjectInfo>>> facts(std::span<const storage::ObjectId> ids) = 0;
  virtual Result<std::vector<storage::BranchHead>> heads() = 0;
  virtual Result<std::optional<Bytes>> commit_bytes(const storage::CommitId& id) = 0;
  /// Commits of a branch from a sequence number on, at most 256 and kMaxListBytes (but one); receipts likewise.
  virtual Result<std::vector<Bytes>> branch_commits(const DeviceId& device, std::uint64_t from_sequence) = 0;
  virtual Result<std::vector<Bytes>> receipts_from(std::uint64_t counter) = 0;
  /// Counter of the newest receipt; 0 before the first.
  virtual Result<std::uint64_t> newest_receipt() = 0;
  /// Found damaged: absent from now on, and wanted for healing. Durable when it returns.
  virtual Result<void> quarantine(const storage::ObjectId& id) = 0;
  /// Ids that the receiver wants healed, at most 4,096: those first that nobody has given up.
  virtual Result<std::vector<storage::ObjectId>> wanted_for_healing() = 0;
  virtual Result<void> note_contact() = 0;

  /// Ascending by device and sequence. Costs a look at all receipts of the space.
  virtual Result<std::vector<HeldSnapshot>> held_snapshots(storage::UnixTime now) = 0;
  /// Lets go what no rule keeps, and what deletions name that have waited, as many as one expiry holds
  /// (kMaxExpiredCommits): signs and stores it, durable when it returns. How many snapshots, 0 when none is left; their
  /// objects stay until a collection. `now`: a time that the caller is sure of.
  virtual Result<std::uint64_t> expire(storage::UnixTime now) = 0;
  /// What expire() would let go, one time after the other, until none is left. Changes nothing.
  virtual Result<std::vector<storage::Expiry::Gone>> what_may_go(storage::UnixTime now) = 0;
  /// As many as kMaxListBytes hold; none: there are no more.
  virtual Result<std::vector<Bytes>> expiries_from(std::uint64_t counter) = 0;
  /// Counter of the newest expiry; 0 before the first.
  virtual Result<std::uint64_t> newest_expiry() = 0;
  /// In the order of the log, those that are done or cancelled among them.
  virtual Result<std::vector<WaitingDeletion>> deletions() = 0;
  /// By the operator (`by`, for the audit log), for good; durable when it returns. not_found when there is none of that
  /// record.
  virtual Result<void> cancel_deletion(const storage::RecordId& record, const std::string& by = kOperator) = 0;

  /// Ends leases that have been idle for too long, and begins to remove what neither a retained snapshot nor a lease
  /// needs. busy while one runs.
  virtual Result<std::unique_ptr<SpaceCollection>> begin_collection() = 0;

  /// Signs that what this peer has received since then may be lost here: it was restored from an older state. Receipts
  /// and expiries go on from the loss; deletions wait anew, and nothing goes before the next receipt. Durable when it
  /// returns. limit_exceeded: kMaxLosses. `words`: checked.
  virtual Result<storage::Loss> declare_loss(const LossWords& words) = 0;
  /// All of them, oldest first.
  virtual Result<std::vector<Bytes>> losses() = 0;

  /// Of a share, for its managers' devices and its root (refused for all others). An invitation is good for one
  /// request, until it expires or is closed, or who opened it manages no more. Durable when they return. The same again
  /// is ok. Errors: usage (the time), refused (a key that was an invitation before, or is somebody's), busy
  /// (kMaxOpenShareInvitations, kMaxShareInvitationsPerHour), not_found (nothing to close).
  virtual Result<void> open_invitation(const DeviceId& by, const crypto::TransportPublicKey& key,
                                       storage::UnixTime expires) = 0;
  virtual Result<void> close_invitation(const DeviceId& by, const crypto::TransportPublicKey& key,
                                        const std::optional<Bytes>& refusal) = 0;
  /// Ascending by invitation.
  virtual Result<std::vector<WaitingRequest>> join_requests(const DeviceId& by) = 0;
  /// For who has an invitation's key. refused: it has ended, or has another request. The same again is ok. Durable.
  virtual Result<void> leave_request(const crypto::TransportPublicKey& key, ByteView sealed) = 0;
  virtual Result<JoinAnswer> join_answer(const crypto::TransportPublicKey& key) = 0;
  /// As this member may know it.
  virtual Result<SpaceNews> news(const DeviceId& for_whom) = 0;
  /// Calls `rung`, on any thread, after each record, receipt or request, until the last copy is gone.
  virtual std::shared_ptr<void> listen(std::function<void()> rung) = 0;

  virtual const std::shared_ptr<Organisation>& organisation() const = 0;
};

/// All that one peer hosts. Thread-safe.
class PeerHost {
 public:
  /// Opens or creates the data folder (keys file 0600, db/).
  static Result<std::unique_ptr<PeerHost>> open(const std::string& data_folder, Clock& clock, crypto::Random& random,
                                                const storage::DatabaseOptions& options = {});
  /// The same in two steps, for what must be read before anything is judged by the clock.
  static Result<std::unique_ptr<storage::Database>> open_database(const std::string& data_folder,
                                                                  const storage::DatabaseOptions& options = {});
  static Result<std::unique_ptr<PeerHost>> open(const std::string& data_folder,
                                                std::unique_ptr<storage::Database> database, Clock& clock,
                                                crypto::Random& random);
  virtual ~PeerHost() = default;

  virtual storage::PeerPublic public_part() const = 0;
  virtual const crypto::SecretBytes& transport_seed() const = 0;
  virtual storage::Database& database() = 0;
  virtual storage::ObjectStore& objects() = 0;
  virtual AuditLog& audit() = 0;

  /// Whom stations of a suspended organisation are told to call. Before anybody is served.
  virtual void set_contact(const std::string& contact) = 0;

  /// Makes an invitation for a station of the organisation of that name, and the organisation when there is none;
  /// `address` is what stations will dial. usage: quota or contact of an organisation that is there already, or a name
  /// that is none. wrong_state: the organisation is suspended. Durable when it returns, as are all that follow. `by`:
  /// the operator, as the audit log calls him.
  virtual Result<storage::Invitation> invite(const std::string& name, std::optional<std::uint64_t> quota_bytes,
                                             storage::UnixTime expires, const std::string& address,
                                             const std::optional<std::string>& contact = {},
                                             const std::string& by = kOperator) = 0;
  /// Takes an open invitation back, by the beginning of its id; gives the organisation's name. One that never had a
  /// station vanishes with its last invitation.
  virtual Result<std::string> revoke(const std::string& invitation, const std::string& by = kOperator) = 0;
  /// not_found: no organisation of that name, also for those that follow. already_exists: another has the new name.
  virtual Result<HostedOrganisation> change(const std::string& name, const OrganisationChange& change,
                                            const std::string& by = kOperator) = 0;
  /// wrong_state when it is, or is not, suspended.
  virtual Result<HostedOrganisation> suspend(const std::string& name, const std::string& reason,
                                             const std::string& by = kOperator) = 0;
  virtual Result<HostedOrganisation> resume(const std::string& name, const std::string& by = kOperator) = 0;
  /// Of a suspended organisation (else wrong_state): shuts its stations out, and removes all that it has here. After a
  /// crash or an error it is finished by the next call or start, or by finish_erasures() when they are shut out. The
  /// room on the disk comes back by give_room_back().
  virtual Result<Erasure> erase(const std::string& name, const std::string& by) = 0;
  /// Tries those again that could not be finished. Once a minute.
  virtual void finish_erasures() = 0;
  /// As the last try has left them.
  virtual std::vector<StuckErasure> stuck_erasures() const = 0;
  virtual Result<std::vector<Erasure>> erasures() = 0;
  /// Compacts when something was erased since this last succeeded. May take long.
  virtual Result<void> give_room_back() = 0;
  /// HostedSpace::declare_loss() for every space, or for those of one organisation; after an error some may have it. It
  /// stands in the audit log, durably, before the first is signed. usage: a time to come, or a reason that is not one
  /// line.
  virtual Result<std::vector<DeclaredLoss>> declare_loss(const LossWords& words, const std::string& by = kOperator) = 0;
  /// Forgets invitations that ended more than kInvitationMemoryDays ago, and organisations that are left without
  /// invitation and never had a station.
  virtual Result<void> forget_ended() = 0;
  /// Is this transport key of a device or root of a hosted space, or of an invitation (also to a share)? Used and
  /// expired invitations count for kInvitationMemoryDays more, so that their bearer can be told. Cheap: asked in
  /// handshakes.
  virtual bool admits(const crypto::TransportPublicKey& key) const = 0;
  /// The space that this key belongs to, with the device it names (root's or a device's); refused when none. A key of
  /// several spaces must name one (usage), but when one of them is a vault and the others are shares.
  struct Caller {
    std::shared_ptr<HostedSpace> space;
    DeviceId device;
    bool is_root = false;
    bool may_write = false;  ///< a device whose role writes
  };
  virtual Result<Caller> caller(const crypto::TransportPublicKey& key, std::optional<storage::SpaceId> space = {}) = 0;
  /// Uses up an invitation: verifies the log from its genesis and hosts the space. refused: used, expired or unknown
  /// invitation, a suspended organisation, a space that another organisation has here; the same space by the same
  /// invitation again succeeds (a cut line must not lock a station out).
  virtual Result<void> enrol(const crypto::TransportPublicKey& invitation_key, std::span<const Bytes> records) = 0;
  /// Would enrol() take the space of this genesis record? Cheap; refused, with the sentence for the station, when not.
  virtual Result<void> may_enrol(const crypto::TransportPublicKey& invitation_key, ByteView genesis) const = 0;
  /// Whose invitation this is the key of; null for none.
  virtual std::shared_ptr<Organisation> inviting(const crypto::TransportPublicKey& invitation_key) const = 0;

  /// Would found_share() take the share of this genesis record? Cheap; refused when not.
  virtual Result<void> may_found(const Caller& caller, ByteView genesis) const = 0;
  /// Hosts a share for the organisation of a vault: for the vault's root, or a device of it that may write. The share's
  /// root is the vault's, so that nobody can bring a share that is somebody else's. The same again is ok.
  virtual Result<void> found_share(const Caller& caller, std::span<const Bytes> records) = 0;
  /// The share that this is the key of an invitation to, open or ended; refused when none.
  virtual Result<std::shared_ptr<HostedSpace>> knock(const crypto::TransportPublicKey& key,
                                                     std::optional<storage::SpaceId> space) const = 0;
  /// The organisation of any share that this is the key of an invitation to; null for none.
  virtual std::shared_ptr<Organisation> knocking_at(const crypto::TransportPublicKey& key) const = 0;

  virtual std::vector<std::shared_ptr<HostedSpace>> spaces() const = 0;
  /// Full: puts of objects that are not here yet are disk_full, until it is said to be full no more. Not durable.
  virtual void set_full(bool full) = 0;
  /// Adds to the running time by which leases age. The only RunningTime of this database.
  virtual Result<void> add_running_time(std::uint64_t seconds) = 0;

  virtual Result<std::vector<Tenant>> tenants() = 0;
  virtual std::vector<HostedOrganisation> organisations() const = 0;
  virtual std::vector<DamagedTenant> damaged_tenants() const = 0;
  virtual Result<std::vector<PendingInvitation>> invitations() = 0;
};

}  // namespace beffroi::daemon
