// The invitations of a peer: open, used, revoked, expired.
#pragma once

#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_state.h"

namespace beffroi::daemon {

/// Thread-safe; the caller makes one change at a time. References outlive it. What handshakes ask (knows(),
/// organisation_of()) never waits for a disk.
class InvitationBook {
 public:
  InvitationBook(storage::Database& database, Clock& clock) : database_(database), clock_(clock) {}
  Result<void> load();
  /// Forgets those that ended more than kInvitationMemoryDays ago.
  Result<void> forget_ended();
  /// Durable when it returns.
  Result<void> add(const crypto::TransportPublicKey& key, const InvitationState& state);
  bool knows(const crypto::TransportPublicKey& key) const;
  /// May this space enrol with this invitation? refused, with the sentence for the station, when it may not. Changes
  /// nothing.
  Result<InvitationState> use(const crypto::TransportPublicKey& key, const storage::SpaceId& space) const;
  /// The caller writes the batch.
  void mark_used(storage::WriteBatch& batch, const crypto::TransportPublicKey& key, const storage::SpaceId& space);
  /// Whose invitation it is; nullopt when it is not known, or revoked.
  std::optional<OrganisationId> organisation_of(const crypto::TransportPublicKey& key) const;
  /// Has it an invitation that is neither revoked nor forgotten?
  bool has_any(const OrganisationId& organisation) const;
  /// By the beginning of its id. Durable when it returns. not_found; usage: several begin so, or too short;
  /// wrong_state: it was used.
  Result<InvitationState> revoke(const std::string& id);
  /// From memory: the database has forgotten them.
  void drop(const OrganisationId& organisation);
  /// Without those of organisations that are gone, when they were revoked; `name` stays empty.
  std::vector<PendingInvitation> list() const;

 private:
  Result<std::pair<crypto::TransportPublicKey, InvitationState>> revocable(const std::string& id) const;
  bool forgotten(const InvitationState& state) const;

  storage::Database& database_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<crypto::TransportPublicKey, InvitationState> invitations_;
};

}  // namespace beffroi::daemon
