// The peer over its database. Split by theme: peer_host.cpp (start, who is let in, enrolment), peer_acts.cpp (what the
// operator does), peer_founding.cpp (shares and who knocks at them), peer_erasing.cpp (how organisations end),
// peer_losses.cpp (that it was restored from an older state).
#pragma once

#include <atomic>

#include "daemon/sync/admission_index.h"
#include "daemon/sync/hosted_space.h"
#include "daemon/sync/invitation_book.h"
#include "daemon/sync/organisation_book.h"

namespace beffroi::daemon {

class PeerHostImpl final : public PeerHost {
 public:
  PeerHostImpl(std::unique_ptr<storage::Database> database, std::unique_ptr<AuditLog> audit, crypto::DeviceKeys keys,
               Clock& clock, crypto::Random& random);
  Result<void> load();

  storage::PeerPublic public_part() const override;
  const crypto::SecretBytes& transport_seed() const override { return keys_.transport_seed; }
  storage::Database& database() override { return *database_; }
  storage::ObjectStore& objects() override { return *objects_; }
  AuditLog& audit() override { return *audit_; }

  void set_contact(const std::string& contact) override { contact_ = contact; }
  Result<storage::Invitation> invite(const std::string& name, std::optional<std::uint64_t> quota_bytes,
                                     storage::UnixTime expires, const std::string& address,
                                     const std::optional<std::string>& contact, const std::string& by) override;
  Result<std::string> revoke(const std::string& invitation, const std::string& by) override;
  Result<HostedOrganisation> change(const std::string& name, const OrganisationChange& change,
                                    const std::string& by) override;
  Result<HostedOrganisation> suspend(const std::string& name, const std::string& reason,
                                     const std::string& by) override;
  Result<HostedOrganisation> resume(const std::string& name, const std::string& by) override;
  Result<Erasure> erase(const std::string& name, const std::string& by) override;
  void finish_erasures() override;
  std::vector<StuckErasure> stuck_erasures() const override;
  Result<std::vector<Erasure>> erasures() override { return load_erasures(*database_); }
  Result<void> give_room_back() override;
  Result<std::vector<DeclaredLoss>> declare_loss(const LossWords& words, const std::string& by) override;
  Result<void> forget_ended() override;

  bool admits(const crypto::TransportPublicKey& key) const override;
  Result<Caller> caller(const crypto::TransportPublicKey& key, std::optional<storage::SpaceId> space) override;
  Result<void> enrol(const crypto::TransportPublicKey& invitation_key, std::span<const Bytes> records) override;
  Result<void> may_enrol(const crypto::TransportPublicKey& invitation_key, ByteView genesis) const override;
  std::shared_ptr<Organisation> inviting(const crypto::TransportPublicKey& invitation_key) const override;
  Result<void> may_found(const Caller& caller, ByteView genesis) const override;
  Result<void> found_share(const Caller& caller, std::span<const Bytes> records) override;
  Result<std::shared_ptr<HostedSpace>> knock(const crypto::TransportPublicKey& key,
                                             std::optional<storage::SpaceId> space) const override;
  std::shared_ptr<Organisation> knocking_at(const crypto::TransportPublicKey& key) const override;
  std::vector<std::shared_ptr<HostedSpace>> spaces() const override;
  void set_full(bool full) override { full_ = full; }
  Result<void> add_running_time(std::uint64_t seconds) override;
  Result<std::vector<Tenant>> tenants() override;
  std::vector<HostedOrganisation> organisations() const override;
  std::vector<DamagedTenant> damaged_tenants() const override;
  Result<std::vector<PendingInvitation>> invitations() override;

 private:
  HostParts parts();
  Result<void> load_tenant(const storage::SpaceId& space, TenantState tenant);
  Result<void> host(const storage::SpaceLog& log, TenantState tenant);
  /// The organisation of an invitation that is open to this space.
  Result<std::shared_ptr<Organisation>> open_to(const crypto::TransportPublicKey& key,
                                                const storage::SpaceId& space) const;
  /// With what the batch holds already: all of it, or nothing.
  Result<void> take_in(const Organisation& organisation, const storage::SpaceLog& log, storage::WriteBatch& batch);
  Result<void> check_founding(const Caller& caller, const storage::SpaceId& space) const;
  Result<void> take_share(const Caller& caller, std::span<const Bytes> records, const std::string& by);
  std::shared_ptr<HostedSpaceImpl> hosted_space(const storage::SpaceId& space) const;
  std::vector<std::shared_ptr<HostedSpaceImpl>> all() const;
  std::vector<std::shared_ptr<HostedSpaceImpl>> spaces_of(const OrganisationId& organisation) const;

  Result<std::shared_ptr<Organisation>> named(const std::string& name) const;
  Result<std::shared_ptr<Organisation>> organisation_for(const std::string& name,
                                                         std::optional<std::uint64_t> quota_bytes,
                                                         const std::optional<std::string>& contact);
  HostedOrganisation describe(const Organisation& organisation) const;
  bool is_unused(const Organisation& organisation) const;
  Result<void> forget_if_unused(const Organisation& organisation);
  Result<Erasure> erasure_of(const Organisation& organisation, const std::string& by,
                             std::span<const Erasure> unfinished) const;
  /// All or none.
  Result<void> retire(const OrganisationId& organisation);
  void come_back(const OrganisationId& organisation);
  void shut_out(Organisation& organisation);
  Result<void> take_up_erasures();
  void take_up(const Erasure& erasure);
  Result<void> finish(const Erasure& erasure);
  /// It is gone from the disk.
  void forget(const OrganisationId& organisation);
  /// Those that are shut out and whose erasure is not among these.
  void forget_erased(std::span<const Erasure> unfinished);
  void note_enrolled(const Organisation& organisation, const crypto::TransportPublicKey& key,
                     const storage::SpaceId& space);
  std::string invitation_text(const crypto::TransportPublicKey& key, std::optional<std::uint64_t> quota_bytes,
                              storage::UnixTime expires) const;
  void tell(storage::AuditAction action, const std::string& by, const std::string& organisation,
            const std::string& detail = {}) const;

  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<AuditLog> audit_;
  crypto::DeviceKeys keys_;
  Clock& clock_;
  crypto::Random& random_;
  std::unique_ptr<storage::ObjectStore> objects_;
  std::mutex time_;  ///< running_time_
  storage::RunningTime running_time_;
  std::atomic<std::uint64_t> running_seconds_ = 0;
  std::atomic<bool> full_ = false;
  std::atomic<bool> room_to_give_back_ = false;
  std::string contact_;
  OrganisationBook organisations_;
  InvitationBook invitations_;
  ShareInvitationBook share_invitations_;
  std::mutex changing_;       ///< one enrolment or act of the operator at a time
  mutable std::mutex mutex_;  ///< the members below
  std::vector<DamagedTenant> damaged_;
  std::vector<StuckErasure> stuck_;
  std::map<storage::SpaceId, std::shared_ptr<HostedSpaceImpl>> spaces_;
  AdmissionIndex admitted_;
};

}  // namespace beffroi::daemon
