#include "daemon/sync/peer_state.h"

#include "storage/format/cbor.h"
#include "storage/store/keys.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;
using storage::join_key;
using storage::SpaceId;
using storage::Table;
using storage::UnixTime;

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kOrganisationPrefix = "peer/organisation/";
constexpr std::string_view kTenantPrefix = "peer/tenant/";
constexpr std::string_view kInvitationPrefix = "peer/invitation/";
constexpr std::string_view kWantedPrefix = "peer/wanted/";
constexpr std::string_view kDeletionPrefix = "peer/deletion/";
constexpr std::string_view kShareInvitationPrefix = "peer/share-invitation/";
constexpr std::string_view kJoinRequestPrefix = "peer/join-request/";
constexpr std::string_view kJoinRefusalPrefix = "peer/join-refusal/";

void write_quota(CborWriter& out, const std::optional<std::uint64_t>& quota) {
  if (quota)
    out.uint(*quota);
  else
    out.null();
}

std::optional<std::uint64_t> read_quota(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return in.uint();
}

void write_time(CborWriter& out, const std::optional<UnixTime>& time) {
  if (time)
    out.integer(time->seconds);
  else
    out.null();
}

std::optional<UnixTime> read_time(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return UnixTime{in.integer()};
}

void check_version(CborReader& in) {
  if (in.uint() != kVersion) in.reject();
}

std::optional<OrganisationState> decode_organisation(ByteView value) {
  CborReader in(value);
  OrganisationState out;
  in.array_of(7);
  check_version(in);
  out.name = to_string(in.bytes(kMaxOrganisationNameBytes));
  out.contact = to_string(in.bytes(kMaxRemarkBytes));
  out.quota_bytes = read_quota(in);
  out.created.seconds = in.integer();
  out.suspended = read_time(in);
  out.suspended_reason = to_string(in.bytes(kMaxRemarkBytes));
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

std::optional<TenantState> decode_tenant(ByteView value) {
  CborReader in(value);
  TenantState out;
  in.array_of(8);
  check_version(in);
  out.organisation = in.fixed<OrganisationId>();
  out.enrolled.seconds = in.integer();
  out.last_contact = read_time(in);
  out.last_commit = read_time(in);
  out.commits = in.uint();
  out.commit_bytes = in.uint();
  out.log_bytes = in.uint();
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

std::optional<InvitationState> decode_invitation(ByteView value) {
  CborReader in(value);
  InvitationState out;
  in.array_of(5);
  check_version(in);
  out.organisation = in.fixed<OrganisationId>();
  out.expires.seconds = in.integer();
  if (!in.try_null()) out.used_by = in.fixed<SpaceId>();
  out.revoked = in.boolean();
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

std::optional<ShareInvitationState> decode_share_invitation(ByteView value) {
  CborReader in(value);
  ShareInvitationState out;
  in.array_of(8);
  check_version(in);
  out.organisation = in.fixed<OrganisationId>();
  out.opened_by = in.fixed<crypto::DeviceId>();
  out.expires.seconds = in.integer();
  out.closed = read_time(in);
  out.received = read_time(in);
  out.request_number = in.uint();
  out.refused = in.boolean();
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

Bytes letter_key(JoinLetter which, const SpaceId& space, const crypto::TransportPublicKey& key) {
  const std::string_view prefix = which == JoinLetter::request ? kJoinRequestPrefix : kJoinRefusalPrefix;
  return join_key({as_bytes(prefix), space, key});
}

std::optional<DeletionState> decode_deletion(ByteView value) {
  CborReader in(value);
  DeletionState out;
  in.array_of(3);
  check_version(in);
  out.received.seconds = in.integer();
  out.cancelled = read_time(in);
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

// All values below a prefix, by the fixed-size id that ends their keys.
template <class Id, class Value>
Result<std::map<Id, Value>> load_all(const storage::Database& database, ByteView prefix,
                                     std::optional<Value> (*decode)(ByteView)) {
  std::map<Id, Value> out;
  bool damaged = false;
  BEFFROI_CHECK(database.scan(Table::state, prefix, [&](ByteView key, ByteView value) {
    const auto id = Id::from(key.subspan(prefix.size()));
    auto state = decode(value);
    damaged = damaged || !id || !state;
    if (!damaged) out.emplace(*id, std::move(*state));
    return !damaged;
  }));
  if (damaged)
    return fail(ErrorCode::corrupt, N_("What this peer knows of its tenants is damaged. Restore its database."));
  return out;
}

}  // namespace

void put_organisation(storage::WriteBatch& batch, const OrganisationId& id, const OrganisationState& state) {
  CborWriter out;
  out.array(7).uint(kVersion).bytes(as_bytes(state.name)).bytes(as_bytes(state.contact));
  write_quota(out, state.quota_bytes);
  out.integer(state.created.seconds);
  write_time(out, state.suspended);
  out.bytes(as_bytes(state.suspended_reason));
  batch.put(Table::state, join_key({as_bytes(kOrganisationPrefix), id}), out.take());
}

void remove_organisation(storage::WriteBatch& batch, const OrganisationId& id) {
  batch.remove(Table::state, join_key({as_bytes(kOrganisationPrefix), id}));
}

Result<std::map<OrganisationId, OrganisationState>> load_organisations(const storage::Database& database) {
  return load_all<OrganisationId, OrganisationState>(database, as_bytes(kOrganisationPrefix), decode_organisation);
}

void put_tenant(storage::WriteBatch& batch, const SpaceId& space, const TenantState& state) {
  CborWriter out;
  out.array(8).uint(kVersion).bytes(state.organisation).integer(state.enrolled.seconds);
  write_time(out, state.last_contact);
  write_time(out, state.last_commit);
  out.uint(state.commits).uint(state.commit_bytes).uint(state.log_bytes);
  batch.put(Table::state, join_key({as_bytes(kTenantPrefix), space}), out.take());
}

void put_invitation(storage::WriteBatch& batch, const crypto::TransportPublicKey& key, const InvitationState& state) {
  CborWriter out;
  out.array(5).uint(kVersion).bytes(state.organisation).integer(state.expires.seconds);
  if (state.used_by)
    out.bytes(*state.used_by);
  else
    out.null();
  out.boolean(state.revoked);
  batch.put(Table::state, join_key({as_bytes(kInvitationPrefix), key}), out.take());
}

void remove_invitation(storage::WriteBatch& batch, const crypto::TransportPublicKey& key) {
  batch.remove(Table::state, join_key({as_bytes(kInvitationPrefix), key}));
}

Result<std::map<SpaceId, TenantState>> load_tenants(const storage::Database& database) {
  return load_all<SpaceId, TenantState>(database, as_bytes(kTenantPrefix), decode_tenant);
}

Result<std::map<crypto::TransportPublicKey, InvitationState>> load_invitations(const storage::Database& database) {
  return load_all<crypto::TransportPublicKey, InvitationState>(database, as_bytes(kInvitationPrefix),
                                                               decode_invitation);
}

void remove_space_state(storage::WriteBatch& batch, const SpaceId& space) {
  batch.remove(Table::state, join_key({as_bytes(kTenantPrefix), space}));
  batch.remove_prefix(Table::state, join_key({as_bytes(kWantedPrefix), space}));
  batch.remove_prefix(Table::state, join_key({as_bytes(kDeletionPrefix), space}));
  for (const std::string_view prefix : {kShareInvitationPrefix, kJoinRequestPrefix, kJoinRefusalPrefix})
    batch.remove_prefix(Table::state, join_key({as_bytes(prefix), space}));
}

void put_share_invitation(storage::WriteBatch& batch, const SpaceId& space, const crypto::TransportPublicKey& key,
                          const ShareInvitationState& state) {
  CborWriter out;
  out.array(8).uint(kVersion).bytes(state.organisation).bytes(state.opened_by).integer(state.expires.seconds);
  write_time(out, state.closed);
  write_time(out, state.received);
  out.uint(state.request_number).boolean(state.refused);
  batch.put(Table::state, join_key({as_bytes(kShareInvitationPrefix), space, key}), out.take());
}

void remove_share_invitation(storage::WriteBatch& batch, const SpaceId& space, const crypto::TransportPublicKey& key) {
  batch.remove(Table::state, join_key({as_bytes(kShareInvitationPrefix), space, key}));
  remove_join_letter(batch, JoinLetter::request, space, key);
  remove_join_letter(batch, JoinLetter::refusal, space, key);
}

Result<std::map<std::pair<SpaceId, crypto::TransportPublicKey>, ShareInvitationState>> load_share_invitations(
    const storage::Database& database) {
  using Place = FixedBytes<64, struct ShareInvitationPlaceTag>;
  BEFFROI_TRY(const auto rows, (load_all<Place, ShareInvitationState>(database, as_bytes(kShareInvitationPrefix),
                                                                      decode_share_invitation)));
  std::map<std::pair<SpaceId, crypto::TransportPublicKey>, ShareInvitationState> out;
  for (const auto& [place, state] : rows) {
    const ByteView both(place);
    out.emplace(std::pair(*SpaceId::from(both.first(32)), *crypto::TransportPublicKey::from(both.subspan(32))), state);
  }
  return out;
}

void put_join_letter(storage::WriteBatch& batch, JoinLetter which, const SpaceId& space,
                     const crypto::TransportPublicKey& key, ByteView sealed) {
  batch.put(Table::state, letter_key(which, space, key), to_bytes(sealed));
}

void remove_join_letter(storage::WriteBatch& batch, JoinLetter which, const SpaceId& space,
                        const crypto::TransportPublicKey& key) {
  batch.remove(Table::state, letter_key(which, space, key));
}

Result<std::optional<Bytes>> join_letter(const storage::Database& database, JoinLetter which, const SpaceId& space,
                                         const crypto::TransportPublicKey& key) {
  return database.get(Table::state, letter_key(which, space, key));
}

void put_wanted(storage::WriteBatch& batch, const SpaceId& space, const storage::ObjectId& id, Damage damage) {
  const Bytes value = damage == Damage::lost ? Bytes{1} : Bytes{};
  batch.put(Table::state, join_key({as_bytes(kWantedPrefix), space, id}), value);
}

void remove_wanted(storage::WriteBatch& batch, const SpaceId& space, const storage::ObjectId& id) {
  batch.remove(Table::state, join_key({as_bytes(kWantedPrefix), space, id}));
}

Result<std::map<storage::ObjectId, Damage>> load_wanted(const storage::Database& database, const SpaceId& space) {
  std::map<storage::ObjectId, Damage> out;
  const Bytes prefix = join_key({as_bytes(kWantedPrefix), space});
  BEFFROI_CHECK(database.scan(Table::state, prefix, [&](ByteView key, ByteView value) {
    if (const auto id = storage::ObjectId::from(key.subspan(prefix.size())))
      out.emplace(*id, value.empty() ? Damage::wanted : Damage::lost);
    return true;
  }));
  return out;
}

void put_deletion(storage::WriteBatch& batch, const SpaceId& space, const storage::RecordId& record,
                  const DeletionState& state) {
  CborWriter out;
  out.array(3).uint(kVersion).integer(state.received.seconds);
  write_time(out, state.cancelled);
  batch.put(Table::state, join_key({as_bytes(kDeletionPrefix), space, record}), out.take());
}

Result<std::map<storage::RecordId, DeletionState>> load_deletions(const storage::Database& database,
                                                                  const SpaceId& space) {
  const Bytes prefix = join_key({as_bytes(kDeletionPrefix), space});
  return load_all<storage::RecordId, DeletionState>(database, prefix, decode_deletion);
}

}  // namespace beffroi::daemon
