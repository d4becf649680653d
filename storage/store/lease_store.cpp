#include "storage/store/lease_store.h"

#include <stdexcept>

#include "storage/store/keys.h"

namespace beffroi::storage {
namespace {

// Pins stand apart from the leases, so that a list of leases need not step over hundreds of thousands of them.
constexpr std::array<std::uint8_t, 1> kLeaseKey = {0};
constexpr std::array<std::uint8_t, 1> kPinKey = {1};
// Value of a lease: device 32 · opened u64 · last contact u64, little-endian.
constexpr std::size_t kLeaseBytes = 48;
constexpr std::string_view kRunningTimeKey = "running_time";

Bytes lease_key(const SpaceId& space, const LeaseId& id) { return join_key({space, kLeaseKey, id}); }
Bytes pin_prefix(const SpaceId& space, const LeaseId& id) { return join_key({space, kPinKey, id}); }

Result<Lease> decode_lease(const LeaseId& id, ByteView value) {
  if (value.size() != kLeaseBytes)
    return fail(ErrorCode::corrupt, N_("The local store's list of leases is damaged. Check the disk."));
  return Lease{.id = id,
               .device = *DeviceId::from(value.first(DeviceId::size_bytes)),
               .opened_at = get_le64(value.data() + 32),
               .last_contact_at = get_le64(value.data() + 40)};
}

}  // namespace

LeaseStore::LeaseStore(Database& database, SpaceId space) : database_(database), space_(space) {}

Result<std::optional<Lease>> LeaseStore::find(const LeaseId& id) const {
  BEFFROI_TRY(const auto value, database_.get(Table::leases, lease_key(space_, id)));
  if (!value) return std::nullopt;
  BEFFROI_TRY(const Lease lease, decode_lease(id, *value));
  return lease;
}

Result<std::vector<Lease>> LeaseStore::all() const {
  std::vector<Lease> out;
  Result<void> outcome;
  const Bytes prefix = join_key({space_, kLeaseKey});
  BEFFROI_CHECK(database_.scan(Table::leases, prefix, [&](ByteView key, ByteView value) {
    const auto id = LeaseId::from(key.subspan(prefix.size()));
    const auto lease = decode_lease(id.value_or(LeaseId{}), value);
    if (!lease) outcome = forward_error(lease);
    if (lease) out.push_back(*lease);
    return outcome.has_value();
  }));
  BEFFROI_CHECK(outcome);
  return out;
}

Result<std::optional<Lease>> LeaseStore::of_device(const DeviceId& device) const {
  BEFFROI_TRY(const auto leases, all());
  const auto found = std::ranges::find(leases, device, &Lease::device);
  if (found == leases.end()) return std::nullopt;
  return *found;
}

void LeaseStore::put(WriteBatch& batch, const Lease& lease) const {
  std::array<std::uint8_t, kLeaseBytes> value{};
  std::ranges::copy(lease.device.data, value.begin());
  put_le64(&value[32], lease.opened_at);
  put_le64(&value[40], lease.last_contact_at);
  batch.put(Table::leases, lease_key(space_, lease.id), value);
}

void LeaseStore::pin(WriteBatch& batch, const LeaseId& lease, std::span<const ObjectId> ids) const {
  const Bytes prefix = pin_prefix(space_, lease);
  for (const ObjectId& id : ids) batch.put(Table::leases, join_key({prefix, id}), ByteView());
}

Result<void> LeaseStore::for_each_pin(const LeaseId& lease, const ObjectId& first,
                                      const std::function<bool(const ObjectId&)>& visit) const {
  const Bytes prefix = pin_prefix(space_, lease);
  return database_.scan(Table::leases, prefix, join_key({prefix, first}), [&](ByteView key, ByteView) {
    const auto id = ObjectId::from(key.subspan(prefix.size()));
    return !id || visit(*id);
  });
}

Result<void> LeaseStore::end(WriteBatch& batch, const LeaseId& lease) const {
  batch.remove(Table::leases, lease_key(space_, lease));
  batch.remove_prefix(Table::leases, pin_prefix(space_, lease));
  return {};
}

Result<std::vector<Lease>> LeaseStore::expired(std::uint64_t running_seconds) const {
  BEFFROI_TRY(auto leases, all());
  std::erase_if(leases, [&](const Lease& lease) {
    return running_seconds < lease.last_contact_at || running_seconds - lease.last_contact_at < kLeaseIdleSeconds;
  });
  return leases;
}

RunningTime::RunningTime(Database& database) : database_(database) {
  const auto kept = database_.get(Table::state, as_bytes(kRunningTimeKey));
  if (!kept) throw std::runtime_error(kept.error().message());
  if (!*kept) return;
  if ((*kept)->size() != 8) throw std::runtime_error("the running time kept in " + database_.folder() + " is damaged");
  seconds_ = get_le64((*kept)->data());
}

Result<void> RunningTime::add(std::uint64_t seconds) {
  std::array<std::uint8_t, 8> value{};
  put_le64(value.data(), seconds_ += seconds);
  return database_.put(Table::state, as_bytes(kRunningTimeKey), value, Durability::buffered);
}

std::uint64_t RunningTime::seconds() const { return seconds_; }

}  // namespace beffroi::storage
