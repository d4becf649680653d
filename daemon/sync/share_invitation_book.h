// The invitations that managers have opened in the shares of a peer, and what was left with them.
#pragma once

#include <mutex>
#include <set>

#include "daemon/service/clock.h"
#include "daemon/sync/peer_state.h"
#include "daemon/sync/share_answers.h"

namespace beffroi::daemon {

/// Of one space, those that have ended among them: the oldest ends are forgotten first.
inline constexpr std::size_t kMaxKeptShareInvitations = 2 * kMaxOpenShareInvitations;

/// Thread-safe; the caller makes one change of a space at a time. References outlive it. What handshakes ask (knows(),
/// organisation_of()) never waits for a disk. What was left with invitations is on the disk only.
class ShareInvitationBook {
 public:
  ShareInvitationBook(storage::Database& database, Clock& clock) : database_(database), clock_(clock) {}
  Result<void> load();
  /// Forgets those that ended more than kInvitationMemoryDays ago.
  Result<void> forget_ended();
  /// Of any space; also one that has ended, so that its bearer can be told.
  bool knows(const crypto::TransportPublicKey& key) const;
  /// Whose share it is for; of several one.
  std::optional<OrganisationId> organisation_of(const crypto::TransportPublicKey& key) const;
  std::optional<ShareInvitationState> find(const storage::SpaceId& space, const crypto::TransportPublicKey& key) const;
  /// Ascending by key.
  std::vector<std::pair<crypto::TransportPublicKey, ShareInvitationState>> of(const storage::SpaceId& space) const;
  /// The highest number that a request of this space has had; 0 without one.
  std::uint64_t newest_request(const storage::SpaceId& space) const;

  /// Durable when they return, as are all that follow; on an error nothing has changed here. Makes room for a new one.
  Result<void> put(const storage::SpaceId& space, const crypto::TransportPublicKey& key,
                   const ShareInvitationState& state);
  /// The same, with the request that arrives now: gets the next number and the time.
  Result<void> put_request(const storage::SpaceId& space, const crypto::TransportPublicKey& key,
                           ShareInvitationState state, ByteView sealed);
  /// Ends one: its request is removed, a refusal kept.
  Result<void> close(const storage::SpaceId& space, const crypto::TransportPublicKey& key, ShareInvitationState state,
                     const std::optional<Bytes>& refusal);
  Result<std::optional<Bytes>> request(const storage::SpaceId& space, const crypto::TransportPublicKey& key) const;
  Result<std::optional<Bytes>> refusal(const storage::SpaceId& space, const crypto::TransportPublicKey& key) const;
  /// From memory: the database has forgotten them.
  void drop(const OrganisationId& organisation);

 private:
  using OfSpace = std::map<crypto::TransportPublicKey, ShareInvitationState>;

  Result<void> write(storage::WriteBatch& batch, const storage::SpaceId& space, const crypto::TransportPublicKey& key,
                     const ShareInvitationState& state);
  Result<void> make_room(const storage::SpaceId& space, const crypto::TransportPublicKey& key);
  Result<void> forget(const storage::SpaceId& space, const std::vector<crypto::TransportPublicKey>& keys);
  void keep(const storage::SpaceId& space, const crypto::TransportPublicKey& key, const ShareInvitationState& state);
  void erase(const storage::SpaceId& space, const crypto::TransportPublicKey& key);

  storage::Database& database_;
  Clock& clock_;
  mutable std::mutex mutex_;  ///< the members below
  std::map<storage::SpaceId, OfSpace> invitations_;
  std::map<crypto::TransportPublicKey, std::set<storage::SpaceId>> spaces_of_;
  std::map<storage::SpaceId, std::uint64_t> newest_requests_;
};

}  // namespace beffroi::daemon
