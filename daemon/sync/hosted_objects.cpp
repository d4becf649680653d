// Leases, objects and healing of one hosted space.
#include <spdlog/spdlog.h>

#include <unordered_map>

#include "crypto/planted.h"
#include "daemon/sync/hosted_space.h"
#include "daemon/sync/messages.h"

namespace beffroi::daemon {
namespace {

using crypto::Fault;
using crypto::planted;
using storage::Durability;
using storage::IncomingObject;
using storage::Lease;
using storage::LeaseId;
using storage::ObjectId;
using storage::ObjectInfo;
using storage::WriteBatch;

// How old the noted contact of a lease may be: a write for every message would be too many.
constexpr std::uint64_t kLeaseContactSeconds = 3600;

// On a peer only bytes count: nobody else has them.
bool is_here(const std::optional<ObjectInfo>& info) { return info && info->bytes_present && !info->quarantined; }

}  // namespace

std::uint64_t HostedSpaceImpl::lease_seconds() const {
  if (planted(Fault::collect_by_wall_clock)) return static_cast<std::uint64_t>(parts_.clock.now().seconds);
  return parts_.running_seconds;
}

Result<Lease> HostedSpaceImpl::open_lease(const DeviceId& device) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(check_active());
  BEFFROI_TRY(auto lease, leases_.of_device(device));
  const std::uint64_t now = lease_seconds();
  if (!lease) lease = Lease{parts_.random.fixed<LeaseId>(), device, now, now};
  lease->last_contact_at = now;
  WriteBatch batch;
  leases_.put(batch, *lease);
  BEFFROI_CHECK(parts_.database.write(batch, Durability::synced));
  return *lease;
}

Result<Lease> HostedSpaceImpl::use_lease(const LeaseId& id) {
  BEFFROI_TRY(auto lease, leases_.find(id));
  if (!lease && planted(Fault::drop_lease_check)) return Lease{.id = id, .device = {}};
  if (!lease) return fail(ErrorCode::conflict, N_("This push has ended at the peer meanwhile: it must begin again."));
  const std::uint64_t now = lease_seconds();
  if (now >= lease->last_contact_at + kLeaseContactSeconds) {
    lease->last_contact_at = now;
    WriteBatch batch;
    leases_.put(batch, *lease);
    BEFFROI_CHECK(parts_.database.write(batch, Durability::buffered));
  }
  return *lease;
}

Result<void> HostedSpaceImpl::pin(const LeaseId& lease, std::span<const ObjectId> ids) {
  if (ids.empty() || planted(Fault::drop_lease_check)) return {};
  shade(ids);
  WriteBatch batch;
  leases_.pin(batch, lease, ids);
  return parts_.database.write(batch, Durability::buffered);
}

Result<std::vector<bool>> HostedSpaceImpl::lacks(const LeaseId& lease, std::span<const ObjectId> ids) {
  if (ids.size() > kMaxIdsPerMessage)
    return fail(ErrorCode::limit_exceeded, N_("At most {} objects can be asked for at once."),
                std::to_string(kMaxIdsPerMessage));
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(check_active());
  BEFFROI_CHECK(use_lease(lease));
  BEFFROI_TRY(const auto infos, parts_.objects.info_many(space(), ids));
  std::vector<bool> out(ids.size());
  std::vector<ObjectId> present;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out[i] = !crypto::presence(ids[i], is_here(infos[i]));
    if (!out[i]) present.push_back(ids[i]);
  }
  // Before the answer: who was told 'have' relies on it.
  BEFFROI_CHECK(pin(lease, present));
  return out;
}

Result<std::vector<IncomingObject>> HostedSpaceImpl::parse(std::span<const Bytes> objects) const {
  std::vector<IncomingObject> out;
  out.reserve(objects.size());
  for (const Bytes& bytes : objects) {
    BEFFROI_TRY(auto header, storage::check_object(bytes));
    if (header.space != store_.space())
      return fail(ErrorCode::refused, N_("An object of another space was sent to this one."));
    out.push_back({storage::object_id(bytes), std::move(header), bytes});
  }
  return out;
}

Result<void> HostedSpaceImpl::check_epoch(const IncomingObject& object, const std::optional<ObjectInfo>& known) const {
  const std::lock_guard lock(facts_);
  const bool heals = known.has_value() || damaged_.contains(object.id);
  if (heals || (object.header.epoch == log_->epoch() && !log_->rotation_due())) return {};
  return fail(ErrorCode::refused, N_("The keys of the space have been renewed: take the snapshot again."));
}

Result<Organisation::Hold> HostedSpaceImpl::check_incoming(std::span<const IncomingObject> objects) {
  std::vector<ObjectId> ids;
  for (const IncomingObject& object : objects) {
    ids.push_back(object.id);
    ids.insert(ids.end(), object.header.children.begin(), object.header.children.end());
  }
  BEFFROI_TRY(const auto infos, parts_.objects.info_many(space(), ids));
  std::unordered_map<ObjectId, std::uint8_t> earlier;
  std::uint64_t new_bytes = 0;
  std::size_t at = 0;
  for (const IncomingObject& object : objects) {
    const auto& known = infos[at++];
    BEFFROI_CHECK(check_epoch(object, known));
    int highest = -1;
    bool exact = true;
    for (const ObjectId& child : object.header.children) {
      const auto& info = infos[at++];
      const auto in_batch = earlier.find(child);
      if (in_batch != earlier.end()) {
        highest = std::max<int>(highest, in_batch->second);
        continue;
      }
      const std::lock_guard lock(facts_);
      // What is openly damaged does not hide a hole: it stands on the list of what is wanted.
      if (!is_here(info) && !damaged_.contains(child) && !planted(Fault::skip_closure_check))
        return fail(ErrorCode::conflict, N_("An object arrived at the peer before what it is made of."));
      if (info) highest = std::max<int>(highest, info->height);
      exact = exact && info.has_value();
    }
    if (object.header.height < highest + 1 || (exact && object.header.height != highest + 1))
      return fail(ErrorCode::corrupt, N_("An object arrived at the peer with a wrong header."));
    if (!is_here(known) && earlier.emplace(object.id, object.header.height).second)
      new_bytes += object.bytes.size() + kBytesPerObject;
  }
  BEFFROI_CHECK(check_room(new_bytes));
  BEFFROI_CHECK(take_stock());
  return organisation_->reserve(new_bytes, kind());
}

// Before the disk is full: then not even what is needed to make room could be written.
Result<void> HostedSpaceImpl::check_room(std::uint64_t more_bytes) const {
  if (more_bytes == 0 || !parts_.full) return {};
  return fail(ErrorCode::disk_full, N_("The disk of the peer is nearly full. Its operator must make room."));
}

Result<void> HostedSpaceImpl::put(const LeaseId& lease, std::span<const Bytes> objects) {
  BEFFROI_TRY(const auto incoming, parse(objects));
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(check_active());
  BEFFROI_TRY(const Lease open, use_lease(lease));
  BEFFROI_TRY(const auto room, check_incoming(incoming));
  std::vector<ObjectId> ids;
  for (const IncomingObject& object : incoming) ids.push_back(object.id);
  // Pins first: an object without a pin could be collected at once.
  BEFFROI_CHECK(pin(lease, ids));
  BEFFROI_CHECK(parts_.objects.put(space(), incoming));
  BEFFROI_CHECK(take_stock());
  return note_healed(incoming, open.device);
}

Result<void> HostedSpaceImpl::note_healed(std::span<const IncomingObject> objects, const DeviceId& by) {
  WriteBatch batch;
  std::vector<ObjectId> healed;
  {
    const std::lock_guard lock(facts_);
    for (const IncomingObject& object : objects) {
      if (damaged_.erase(object.id) == 0) continue;
      remove_wanted(batch, space(), object.id);
      healed.push_back(object.id);
    }
  }
  if (healed.empty()) return {};
  BEFFROI_CHECK(parts_.database.write(batch, Durability::buffered));
  audit(storage::AuditAction::healed, device_actor(by),
        std::to_string(healed.size()) + " objects, the first one " + healed.front().hex());
  return {};
}

Result<void> HostedSpaceImpl::make_durable() {
  return planted(Fault::acknowledge_before_sync) ? Result<void>() : parts_.objects.sync();
}

Result<Bytes> HostedSpaceImpl::get(const ObjectId& id) {
  auto bytes = parts_.objects.get(space(), id);
  if (bytes && storage::object_id(*bytes) == id) return bytes;
  if (!bytes && bytes.error().code != ErrorCode::corrupt) return bytes;
  return get_or_quarantine(id);
}

// Read once more under the lock: somebody may just have healed it.
Result<Bytes> HostedSpaceImpl::get_or_quarantine(const ObjectId& id) {
  BEFFROI_TRY(const auto writing, begin_change());
  auto bytes = parts_.objects.get(space(), id);
  if (bytes && storage::object_id(*bytes) == id) return bytes;
  if (!bytes && bytes.error().code != ErrorCode::corrupt) return bytes;
  if (const auto noted = note_damaged(id); !noted) spdlog::error("{}", noted.error().message());
  return fail(ErrorCode::not_found, N_("The object {} is damaged at the peer."), id.hex());
}

Result<std::vector<std::optional<ObjectInfo>>> HostedSpaceImpl::facts(std::span<const ObjectId> ids) {
  BEFFROI_TRY(auto infos, parts_.objects.info_many(space(), ids));
  for (auto& info : infos)
    if (!is_here(info)) info.reset();
  return infos;
}

Result<void> HostedSpaceImpl::quarantine(const ObjectId& id) {
  BEFFROI_TRY(const auto writing, begin_change());
  return note_damaged(id);
}

Result<void> HostedSpaceImpl::note_damaged(const ObjectId& id) {
  // The wish first: after a crash in between, a wish too many is harmless, a silent hole is not.
  WriteBatch batch;
  put_wanted(batch, space(), id, Damage::wanted);
  BEFFROI_CHECK(parts_.database.write(batch, Durability::synced));
  bool is_new = false;
  {
    const std::lock_guard lock(facts_);
    is_new = damaged_.insert_or_assign(id, Damage::wanted).second;
  }
  BEFFROI_CHECK(parts_.objects.quarantine(space(), id));
  if (is_new) audit(storage::AuditAction::damaged, kPeerActor, "object " + id.hex());
  return parts_.objects.sync();
}

Result<std::vector<ObjectId>> HostedSpaceImpl::wanted_for_healing() {
  const std::lock_guard lock(facts_);
  std::vector<ObjectId> out;
  // Another device may still have what one has given up: it is told last, as far as there is room.
  for (const Damage sought : {Damage::wanted, Damage::lost})
    for (const auto& [id, damage] : damaged_)
      if (damage == sought && out.size() < kMaxIdsPerMessage) out.push_back(id);
  return out;
}

// Kept even when the commit is refused: with more losses than one message holds, they are told piece by piece.
Result<void> HostedSpaceImpl::note_losses(std::span<const ObjectId> losses) {
  WriteBatch batch;
  bool any = false;
  const std::lock_guard lock(facts_);
  for (const ObjectId& id : losses) {
    const auto found = damaged_.find(id);
    if (found == damaged_.end() || found->second == Damage::lost) continue;
    found->second = Damage::lost;
    put_wanted(batch, space(), id, Damage::lost);
    any = true;
  }
  return any ? parts_.database.write(batch, Durability::buffered) : Result<void>();
}

}  // namespace beffroi::daemon
