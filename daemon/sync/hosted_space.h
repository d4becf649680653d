// One hosted space over the peer's database. Split by theme: hosted_space.cpp (log, reading), hosted_objects.cpp
// (leases, objects, healing), hosted_commits.cpp (the rules of a commit), hosted_ageing.cpp (what may go),
// hosted_collection.cpp (garbage), hosted_losses.cpp (what a restored peer says of itself), hosted_invitations.cpp (who
// knocks at a share).
#pragma once

#include <atomic>
#include <set>

#include "daemon/sync/audit_log.h"
#include "daemon/sync/news_bell.h"
#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_state.h"
#include "daemon/sync/share_invitation_book.h"

namespace beffroi::daemon {

/// What all hosted spaces of one peer share. Outlives them.
struct HostParts {
  storage::Database& database;
  storage::ObjectStore& objects;
  Clock& clock;
  crypto::Random& random;
  const crypto::SigningKeyPair& sign;
  const std::atomic<std::uint64_t>& running_seconds;
  /// Told after a log has changed, so that the host knows whom to admit. Called without locks of the space.
  std::function<void(const storage::SpaceId&, const storage::SpaceLog&)> log_changed;
  const std::atomic<bool>& full;
  const std::string& contact;  ///< whom a suspended organisation is to call
  AuditLog& audit;
  ShareInvitationBook& share_invitations;
};

/// So many in an hour of the peer's running time. Not thread-safe.
class HourPace {
 public:
  /// False: no more in this hour.
  bool take(std::uint64_t running_seconds, std::uint64_t most) {
    if (is_over(running_seconds)) {
      hour_ = running_seconds;
      taken_ = 0;
    }
    return ++taken_ <= most;
  }
  /// The last hour that it counted is over: it is as good as new.
  bool is_over(std::uint64_t running_seconds) const { return running_seconds - hour_ >= kHourSeconds; }

 private:
  static constexpr std::uint64_t kHourSeconds = 3600;

  std::uint64_t hour_ = 0;  ///< when this one began
  std::uint64_t taken_ = 0;
};

/// Appends to a list that has to fit into one message; false when it is full.
bool take_into_list(std::vector<Bytes>& list, std::size_t& bytes, Bytes item);

/// limit_exceeded: a space with so many losses has kMaxLosses.
Result<void> check_loss_count(std::size_t known);

class HostedSpaceImpl final : public HostedSpace, public std::enable_shared_from_this<HostedSpaceImpl> {
 public:
  /// The log was verified and is stored.
  static Result<std::shared_ptr<HostedSpaceImpl>> open(const HostParts& parts, storage::SpaceLog log,
                                                       TenantState tenant, std::shared_ptr<Organisation> organisation);

  const storage::SpaceId& space() const override { return store_.space(); }
  storage::SpaceKind kind() const override { return shared_log()->kind(); }
  crypto::DevicePublic root() const override { return shared_log()->root(); }
  storage::SpaceLog log() const override { return *shared_log(); }
  std::uint64_t log_length() const override { return shared_log()->records().size(); }
  Result<std::vector<Bytes>> records_from(std::uint64_t sequence) const override;
  Result<void> append_record(ByteView record) override;
  Result<storage::Lease> open_lease(const DeviceId& device) override;
  Result<std::vector<bool>> lacks(const storage::LeaseId& lease, std::span<const storage::ObjectId> ids) override;
  Result<void> put(const storage::LeaseId& lease, std::span<const Bytes> objects) override;
  Result<void> make_durable() override;
  Result<Bytes> accept_commit(const storage::LeaseId& lease, const DeviceId& device, ByteView commit,
                              std::span<const storage::ObjectId> losses) override;
  Result<Bytes> get(const storage::ObjectId& id) override;
  Result<std::vector<std::optional<storage::ObjectInfo>>> facts(std::span<const storage::ObjectId> ids) override;
  Result<std::vector<storage::BranchHead>> heads() override;
  Result<std::optional<Bytes>> commit_bytes(const storage::CommitId& id) override;
  Result<std::vector<Bytes>> branch_commits(const DeviceId& device, std::uint64_t from_sequence) override;
  Result<std::vector<Bytes>> receipts_from(std::uint64_t counter) override;
  Result<std::uint64_t> newest_receipt() override;
  Result<void> quarantine(const storage::ObjectId& id) override;
  Result<std::vector<storage::ObjectId>> wanted_for_healing() override;
  Result<void> note_contact() override;
  Result<std::vector<HeldSnapshot>> held_snapshots(storage::UnixTime now) override;
  Result<std::vector<storage::Expiry::Gone>> what_may_go(storage::UnixTime now) override;
  Result<std::uint64_t> expire(storage::UnixTime now) override;
  Result<std::vector<Bytes>> expiries_from(std::uint64_t counter) override;
  Result<std::uint64_t> newest_expiry() override;
  Result<std::vector<WaitingDeletion>> deletions() override;
  Result<void> cancel_deletion(const storage::RecordId& record, const std::string& by) override;
  Result<std::unique_ptr<SpaceCollection>> begin_collection() override;
  Result<storage::Loss> declare_loss(const LossWords& words) override;
  Result<std::vector<Bytes>> losses() override { return store_.encoded_losses(); }
  Result<void> open_invitation(const DeviceId& by, const crypto::TransportPublicKey& key,
                               storage::UnixTime expires) override;
  Result<void> close_invitation(const DeviceId& by, const crypto::TransportPublicKey& key,
                                const std::optional<Bytes>& refusal) override;
  Result<std::vector<WaitingRequest>> join_requests(const DeviceId& by) override;
  Result<void> leave_request(const crypto::TransportPublicKey& key, ByteView sealed) override;
  Result<JoinAnswer> join_answer(const crypto::TransportPublicKey& key) override;
  Result<SpaceNews> news(const DeviceId& for_whom) override;
  std::shared_ptr<void> listen(std::function<void()> rung) override;
  const std::shared_ptr<Organisation>& organisation() const override { return organisation_; }

  /// Root or a device that is in the log now; without `space`.
  std::optional<PeerHost::Caller> identify(const crypto::TransportPublicKey& key) const;
  /// Do these records and the log agree as far as both go?
  bool agrees_with(std::span<const Bytes> records) const;
  Result<Tenant> describe();
  /// What goes into the record of its erasure.
  Result<ErasedSpace> describe_for_erasure() const;
  /// Waits for a change that is under way; there is none after it, until come_back(). busy: something is at work here
  /// that can't be stopped now.
  Result<void> retire();
  void come_back();

 private:
  HostedSpaceImpl(const HostParts& parts, storage::SpaceLog log, TenantState tenant,
                  std::map<storage::ObjectId, Damage> damaged, std::shared_ptr<Organisation> organisation);

  std::shared_ptr<const storage::SpaceLog> shared_log() const;
  /// Every change begins with it: takes `writing_` and, when a full disk was got over since the last one, what the
  /// database holds.
  Result<std::unique_lock<std::mutex>> begin_change();
  Result<void> read_again();
  void take_log(std::shared_ptr<const storage::SpaceLog> log);
  Result<void> check_active() const;
  Result<void> check_log_pace(const storage::Record& record);
  Result<void> check_record(const storage::Record& record, ByteView encoded);
  Result<void> check_log_size(const storage::Record& record, std::size_t bytes) const;
  /// No record, whoever signs it, may take from a branch what the peer has given receipts for.
  Result<void> check_branch_ends(const storage::Record& record) const;
  Result<void> check_branch_end(const storage::RemovalBody::Device& removed) const;
  Result<void> check_recovered_head(const storage::CommitId& head) const;
  Result<bool> may_be_cut_before(const DeviceId& device, std::uint64_t sequence) const;
  Result<std::optional<storage::UnixTime>> receipted_at(const storage::CommitId& commit) const;
  /// The time by which leases age: what the peer has been running.
  std::uint64_t lease_seconds() const;
  /// The lease, its contact noted. conflict when it has ended.
  Result<storage::Lease> use_lease(const storage::LeaseId& id);
  Result<std::vector<storage::IncomingObject>> parse(std::span<const Bytes> objects) const;
  /// With the room that the objects need.
  Result<Organisation::Hold> check_incoming(std::span<const storage::IncomingObject> objects);
  Result<void> check_epoch(const storage::IncomingObject& object,
                           const std::optional<storage::ObjectInfo>& known) const;
  Result<void> check_room(std::uint64_t more_bytes) const;
  /// What the quota counts; the organisation knows it from then on.
  Result<std::uint64_t> take_stock();
  Result<void> pin(const storage::LeaseId& lease, std::span<const storage::ObjectId> ids);
  Result<void> note_healed(std::span<const storage::IncomingObject> objects, const DeviceId& by);
  /// Writes into the audit log. Takes `facts_` for a moment.
  void audit(storage::AuditAction action, const std::string& actor, const std::string& detail) const;
  void audit_refusal(const std::string& actor, const Error& error) const;
  /// As the audit log calls it.
  std::string actor(const DeviceId& device) const;

  Result<void> check_manages(const DeviceId& device) const;
  Result<void> check_new_invitation(const crypto::TransportPublicKey& key, storage::UnixTime expires);
  bool is_open(const ShareInvitationState& invitation) const;

  Result<Bytes> get_or_quarantine(const storage::ObjectId& id);
  Result<void> note_damaged(const storage::ObjectId& id);
  Result<void> note_losses(std::span<const storage::ObjectId> losses);

  Result<Bytes> take_commit(const storage::LeaseId& lease, const DeviceId& device, ByteView encoded,
                            std::span<const storage::ObjectId> losses);
  Result<void> check_new_commit(const storage::Commit& commit, const DeviceId& pushed_by, const storage::Lease& lease);
  Result<void> check_place(const storage::Commit& commit);
  Result<void> check_pace(const storage::Commit& commit);
  Result<void> check_last_receipt(const storage::Commit& commit);
  Result<void> check_parents(const storage::Commit& commit, const std::optional<storage::BranchHead>& head);
  Result<void> check_closure(const storage::Commit& commit);
  Result<Bytes> give_receipt(const storage::Commit& commit, ByteView encoded, const storage::LeaseId& lease);

  Result<void> note_deletion(const storage::RecordId& record);
  Result<void> note_all_deletions();
  /// What may be deleted now, and by which record.
  Result<std::map<storage::CommitId, storage::RecordId>> due_deletions(storage::UnixTime now);
  /// A loss was declared, and no receipt given since: what stations know of the log may not have come back yet.
  Result<bool> waits_after_loss() const;
  /// All deletions wait from now on.
  Result<void> delay_deletions(storage::WriteBatch& batch, storage::UnixTime now);
  void note_gone(std::size_t by_rule, std::size_t by_deletion) const;
  Result<void> sign_expiry(std::span<const storage::Expiry::Gone> gone, storage::UnixTime now);

  class Collection;
  Result<void> end_expired_leases();
  Result<std::vector<storage::ObjectId>> retained_roots() const;
  /// Tells a collection that runs what is held from now on.
  void shade(std::span<const storage::ObjectId> ids);
  void forget_collector();
  /// Of what a collection is about to remove. Under `writing_`.
  Result<void> forget_wishes(std::span<const storage::ObjectId> ids);

  HostParts parts_;
  storage::SpaceStore store_;
  storage::LeaseStore leases_;
  const std::shared_ptr<Organisation> organisation_;
  std::mutex writing_;            ///< one change of objects, log or commits at a time; taken before facts_
  std::uint64_t reopenings_ = 0;  ///< of the database, when the members below were right; under `writing_`
  std::shared_ptr<storage::Collector> collector_;  ///< while one runs; under `writing_`
  bool retired_ = false;                           ///< under `writing_`
  /// Of records: of each signer's in a share, in a vault of all together, with no name. Under `writing_`; bounded by
  /// the devices of the log within an hour.
  std::map<crypto::SigningPublicKey, HourPace> log_paces_;
  HourPace invitation_pace_;  ///< under `writing_`
  const std::shared_ptr<NewsBell> bell_ = std::make_shared<NewsBell>();
  mutable std::mutex facts_;  ///< the members below, for a moment
  std::shared_ptr<const storage::SpaceLog> log_;
  TenantState tenant_;
  std::map<storage::ObjectId, Damage> damaged_;
};

}  // namespace beffroi::daemon
