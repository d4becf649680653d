// The invitations of a peer: open, used, expired.
#pragma once

#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_state.h"

namespace beffroi::daemon {

/// Thread-safe. References outlive it.
class InvitationBook {
 public:
  InvitationBook(storage::Database& database, Clock& clock) : database_(database), clock_(clock) {}
  /// Forgets those that ended more than kInvitationMemoryDays ago.
  Result<void> load();
  /// Durable when it returns.
  Result<void> add(const crypto::TransportPublicKey& key, const InvitationState& state);
  bool knows(const crypto::TransportPublicKey& key) const;
  /// May this space enrol with this invitation? refused, with the sentence for the station, when it may not. Changes
  /// nothing.
  Result<InvitationState> use(const crypto::TransportPublicKey& key, const storage::SpaceId& space) const;
  /// The caller writes the batch.
  void mark_used(storage::WriteBatch& batch, const crypto::TransportPublicKey& key, const storage::SpaceId& space);
  std::vector<PendingInvitation> list() const;

 private:
  bool forgotten(const InvitationState& state) const;

  storage::Database& database_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<crypto::TransportPublicKey, InvitationState> invitations_;
};

}  // namespace beffroi::daemon
