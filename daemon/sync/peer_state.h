// What a peer keeps of organisations, their spaces and invitations, in Table::state: versioned CBOR.
#pragma once

#include <map>

#include "daemon/sync/organisation.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// "peer/tenant/" ‖ space → [1, organisation, enrolled, last contact | null, last commit | null, commits, commit bytes,
/// log bytes]
struct TenantState {
  OrganisationId organisation;
  storage::UnixTime enrolled;
  std::optional<storage::UnixTime> last_contact;
  std::optional<storage::UnixTime> last_commit;
  std::uint64_t commits = 0;
  std::uint64_t commit_bytes = 0;
  std::uint64_t log_bytes = 0;
};

/// "peer/invitation/" ‖ transport key → [1, organisation, expires, space that used it | null, revoked]
struct InvitationState {
  OrganisationId organisation;
  storage::UnixTime expires;
  std::optional<storage::SpaceId> used_by;
  bool revoked = false;
};

/// "peer/share-invitation/" ‖ space ‖ transport key → [1, organisation, opened by, expires, closed | null, request
/// received | null, its number, refused]
struct ShareInvitationState {
  OrganisationId organisation;  ///< that of the space
  crypto::DeviceId opened_by;
  storage::UnixTime expires;
  std::optional<storage::UnixTime> closed{};
  std::optional<storage::UnixTime> received{};  ///< a request
  std::uint64_t request_number = 0;             ///< from 1 on, of all requests of the space
  bool refused = false;                         ///< by a manager, with words
  storage::UnixTime ends() const { return closed && *closed < expires ? *closed : expires; }
};
void put_share_invitation(storage::WriteBatch& batch, const storage::SpaceId& space,
                          const crypto::TransportPublicKey& key, const ShareInvitationState& state);
/// With what was left with it.
void remove_share_invitation(storage::WriteBatch& batch, const storage::SpaceId& space,
                             const crypto::TransportPublicKey& key);
Result<std::map<std::pair<storage::SpaceId, crypto::TransportPublicKey>, ShareInvitationState>> load_share_invitations(
    const storage::Database& database);

/// "peer/join-request/" or "peer/join-refusal/" ‖ space ‖ transport key → as it was sealed
enum class JoinLetter : std::uint8_t { request, refusal };
void put_join_letter(storage::WriteBatch& batch, JoinLetter which, const storage::SpaceId& space,
                     const crypto::TransportPublicKey& key, ByteView sealed);
void remove_join_letter(storage::WriteBatch& batch, JoinLetter which, const storage::SpaceId& space,
                        const crypto::TransportPublicKey& key);
Result<std::optional<Bytes>> join_letter(const storage::Database& database, JoinLetter which,
                                         const storage::SpaceId& space, const crypto::TransportPublicKey& key);

/// "peer/organisation/" ‖ organisation → [1, name, contact, quota | null, created, suspended since | null, reason]
void put_organisation(storage::WriteBatch& batch, const OrganisationId& id, const OrganisationState& state);
void remove_organisation(storage::WriteBatch& batch, const OrganisationId& id);
Result<std::map<OrganisationId, OrganisationState>> load_organisations(const storage::Database& database);

void put_tenant(storage::WriteBatch& batch, const storage::SpaceId& space, const TenantState& state);
void put_invitation(storage::WriteBatch& batch, const crypto::TransportPublicKey& key, const InvitationState& state);
void remove_invitation(storage::WriteBatch& batch, const crypto::TransportPublicKey& key);
Result<std::map<storage::SpaceId, TenantState>> load_tenants(const storage::Database& database);
Result<std::map<crypto::TransportPublicKey, InvitationState>> load_invitations(const storage::Database& database);
/// All that this table has of one space: whatever a peer comes to keep there is removed here.
void remove_space_state(storage::WriteBatch& batch, const storage::SpaceId& space);

/// What is known of an object that was found damaged here.
enum class Damage : std::uint8_t {
  wanted,  ///< to be sent again
  lost,    ///< an author said that it can't
};
/// "peer/wanted/" ‖ space ‖ object → nothing, or 1 when it is lost
void put_wanted(storage::WriteBatch& batch, const storage::SpaceId& space, const storage::ObjectId& id, Damage damage);
void remove_wanted(storage::WriteBatch& batch, const storage::SpaceId& space, const storage::ObjectId& id);
Result<std::map<storage::ObjectId, Damage>> load_wanted(const storage::Database& database,
                                                        const storage::SpaceId& space);

/// "peer/deletion/" ‖ space ‖ record → [1, received, cancelled | null]: what the peer itself knows of a deletion
/// record.
struct DeletionState {
  storage::UnixTime received;                  ///< by the peer's clock: its wait begins then
  std::optional<storage::UnixTime> cancelled;  ///< by the peer's operator
};
void put_deletion(storage::WriteBatch& batch, const storage::SpaceId& space, const storage::RecordId& record,
                  const DeletionState& state);
Result<std::map<storage::RecordId, DeletionState>> load_deletions(const storage::Database& database,
                                                                  const storage::SpaceId& space);

}  // namespace beffroi::daemon
