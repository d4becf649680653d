#include "daemon/sync/erasure.h"

#include "daemon/sync/peer_state.h"
#include "storage/format/cbor.h"
#include "storage/store/keys.h"
#include "storage/store/space_store.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;
using storage::Durability;
using storage::join_key;
using storage::SpaceId;
using storage::Table;
using storage::WriteBatch;

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kErasingPrefix = "peer/erasing/";
constexpr std::string_view kErasedPrefix = "peer/erased/";
constexpr std::size_t kMaxAccountBytes = 255;

void write_space(CborWriter& out, const ErasedSpace& erased) {
  out.array(7).bytes(erased.space).integer(erased.enrolled.seconds).array(erased.devices.size());
  for (const auto& device : erased.devices) out.bytes(device);
  out.uint(erased.objects).uint(erased.sealed_bytes).uint(erased.commits).uint(erased.newest_receipt);
}

ErasedSpace read_space(CborReader& in) {
  ErasedSpace out;
  in.array_of(7);
  out.space = in.fixed<SpaceId>();
  out.enrolled.seconds = in.integer();
  for (std::size_t left = in.array(); left > 0; --left) out.devices.push_back(in.fixed<crypto::DeviceId>());
  in.leave();
  out.objects = in.uint();
  out.sealed_bytes = in.uint();
  out.commits = in.uint();
  out.newest_receipt = in.uint();
  in.leave();
  return out;
}

Bytes encode(const Erasure& erasure) {
  CborWriter out;
  out.array(9).uint(kVersion).bytes(as_bytes(erasure.was.name)).bytes(as_bytes(erasure.was.contact));
  out.integer(erasure.was.created.seconds);
  if (erasure.was.suspended)
    out.integer(erasure.was.suspended->seconds);
  else
    out.null();
  out.bytes(as_bytes(erasure.was.suspended_reason)).integer(erasure.when.seconds);
  out.bytes(as_bytes(erasure.by.substr(0, kMaxAccountBytes))).array(erasure.spaces.size());
  for (const ErasedSpace& erased : erasure.spaces) write_space(out, erased);
  return out.take();
}

std::optional<Erasure> decode(const OrganisationId& id, ByteView value) {
  CborReader in(value);
  Erasure out;
  out.organisation = id;
  in.array_of(9);
  if (in.uint() != kVersion) in.reject();
  out.was.name = to_string(in.bytes(kMaxOrganisationNameBytes));
  out.was.contact = to_string(in.bytes(kMaxRemarkBytes));
  out.was.created.seconds = in.integer();
  if (!in.try_null()) out.was.suspended = storage::UnixTime{in.integer()};
  out.was.suspended_reason = to_string(in.bytes(kMaxRemarkBytes));
  out.when.seconds = in.integer();
  out.by = to_string(in.bytes(kMaxAccountBytes));
  for (std::size_t left = in.array(); left > 0; --left) out.spaces.push_back(read_space(in));
  in.leave();
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

// Each key ends with the organisation.
Result<std::vector<Erasure>> load(const storage::Database& database, std::string_view prefix) {
  std::vector<Erasure> out;
  bool damaged = false;
  BEFFROI_CHECK(database.scan(Table::state, as_bytes(prefix), [&](ByteView key, ByteView value) {
    const auto id = OrganisationId::from(key.last(std::min(key.size(), OrganisationId::size_bytes)));
    auto erasure = id ? decode(*id, value) : std::nullopt;
    damaged = damaged || !erasure;
    if (!damaged) out.push_back(std::move(*erasure));
    return !damaged;
  }));
  if (damaged)
    return fail(ErrorCode::corrupt, N_("What this peer knows of its tenants is damaged. Restore its database."));
  return out;
}

Bytes erasing_key(const OrganisationId& id) { return join_key({as_bytes(kErasingPrefix), id}); }

}  // namespace

Result<void> begin_erasure(storage::Database& database, const Erasure& erasure) {
  return database.put(Table::state, erasing_key(erasure.organisation), encode(erasure), Durability::synced);
}

Result<void> call_off_erasure(storage::Database& database, const OrganisationId& organisation) {
  WriteBatch batch;
  batch.remove(Table::state, erasing_key(organisation));
  return database.write(batch, Durability::synced);
}

Result<std::vector<Erasure>> unfinished_erasures(const storage::Database& database) {
  return load(database, kErasingPrefix);
}

Result<void> finish_erasure(storage::Database& database, storage::ObjectStore& objects, const Erasure& erasure) {
  for (const ErasedSpace& erased : erasure.spaces) {
    BEFFROI_CHECK(objects.erase_space(erased.space));
    BEFFROI_CHECK(storage::SpaceStore(database, erased.space).erase());
  }
  BEFFROI_TRY(const auto invitations, load_invitations(database));
  WriteBatch batch;
  for (const ErasedSpace& erased : erasure.spaces) remove_space_state(batch, erased.space);
  for (const auto& [key, invitation] : invitations)
    if (invitation.organisation == erasure.organisation) remove_invitation(batch, key);
  remove_organisation(batch, erasure.organisation);
  batch.remove(Table::state, erasing_key(erasure.organisation));
  const auto when = storage::be64(static_cast<std::uint64_t>(erasure.when.seconds));
  batch.put(Table::state, join_key({as_bytes(kErasedPrefix), when, erasure.organisation}), encode(erasure));
  return database.write(batch, Durability::synced);
}

Result<std::vector<Erasure>> load_erasures(const storage::Database& database) { return load(database, kErasedPrefix); }

}  // namespace beffroi::daemon
