#include "storage/space/log.h"

#include "crypto/assert.h"
#include "storage/space/log_changes.h"
#include "storage/space/log_rules.h"

namespace beffroi::storage {
namespace {

template <class Matches>
const DeviceState* find_device(const std::map<DeviceId, DeviceState>& devices, Matches matches) {
  for (const auto& [id, device] : devices)
    if (!device.removed && matches(device.keys)) return &device;
  return nullptr;
}

// Only the last valid commit and those before it in the branch outlive the loss of a right.
bool outlives(const DeviceState::Cut& cut, const Commit& commit) {
  return cut.commit &&
         (commit.clear.sequence < cut.sequence || (commit.clear.sequence == cut.sequence && commit.id == *cut.commit));
}

}  // namespace

std::optional<Role> DeviceState::role_at(std::uint64_t position) const {
  if (removed_at && position >= *removed_at) return std::nullopt;
  std::optional<Role> out;
  for (const auto& [from, held] : roles)
    if (from <= position) out = held;
  return out;
}

Result<SpaceLog> SpaceLog::from_genesis(ByteView genesis) {
  BEFFROI_TRY(Record record, decode_record(genesis));
  BEFFROI_CHECK(check_genesis(record));
  SpaceLog out;
  out.space_ = SpaceId{record.id.data};
  LogChanges::apply(out, record);
  out.keep(std::move(record), genesis);
  return out;
}

Result<SpaceLog> SpaceLog::from_records(std::span<const Bytes> records, std::optional<SpaceId> expected) {
  if (records.empty())
    return fail(ErrorCode::corrupt, N_("The log of a space is empty: its genesis record is missing."));
  BEFFROI_TRY(SpaceLog out, from_genesis(records.front()));
  if (expected && out.space_ != *expected)
    return fail(ErrorCode::corrupt, N_("The log is that of space {}, not of space {}."), out.space_.hex(),
                expected->hex());
  for (const Bytes& record : records.subspan(1)) BEFFROI_CHECK(out.append(record));
  return out;
}

Result<Record> SpaceLog::verify_next(ByteView bytes) const {
  BEFFROI_TRY(Record record, decode_record(bytes));
  BEFFROI_CHECK(check_chain(record));
  BEFFROI_CHECK(check_rules(*this, record));
  return record;
}

Result<void> SpaceLog::append(ByteView bytes) {
  BEFFROI_TRY(Record record, verify_next(bytes));
  LogChanges::apply(*this, record);
  keep(std::move(record), bytes);
  return {};
}

Result<void> SpaceLog::check_chain(const Record& record) const {
  if (record.sequence == 0) return fail(ErrorCode::refused, N_("A space's log has one genesis record, the first."));
  if (record.space != space_)
    return fail(ErrorCode::corrupt, N_("A log record belongs to another space, {}."), record.space.hex());
  const auto follows = position(record.previous);
  if (!follows || record.sequence != *follows + 1)
    return fail(ErrorCode::corrupt, N_("Log record {} does not continue the log of this space."),
                std::to_string(record.sequence));
  if (record.previous != head().id)
    return fail(ErrorCode::conflict, N_("The log of the space has changed meanwhile: try again."));
  return {};
}

void SpaceLog::keep(Record record, ByteView encoded) {
  positions_.emplace(record.id, records_.size());
  epochs_.push_back({epoch_, rotation_due_});
  encoded_.push_back(to_bytes(encoded));
  records_.push_back(std::move(record));
}

const DeviceState* SpaceLog::device(const DeviceId& id) const {
  const auto found = devices_.find(id);
  return found == devices_.end() ? nullptr : &found->second;
}

const DeviceState* SpaceLog::device_by_transport(const crypto::TransportPublicKey& key) const {
  return find_device(devices_, [&](const crypto::DevicePublic& keys) { return keys.transport == key; });
}

const DeviceState* SpaceLog::device_by_signer(const crypto::SigningPublicKey& key) const {
  return find_device(devices_, [&](const crypto::DevicePublic& keys) { return keys.sign == key; });
}

std::vector<DeviceId> SpaceLog::entitled() const {
  std::vector<DeviceId> out{root_.id()};
  for (const auto& [id, device] : devices_)
    if (!device.removed) out.push_back(id);
  std::sort(out.begin(), out.end());
  return out;
}

const crypto::DevicePublic* SpaceLog::entitled_keys(const DeviceId& id) const {
  if (id == root_.id()) return &root_;
  const DeviceState* found = device(id);
  return found == nullptr || found->removed ? nullptr : &found->keys;
}

bool SpaceLog::key_used(ByteView public_key) const {
  const auto key = FixedBytes<32, SpaceLog>::from(public_key);
  return key && used_keys_.contains(key->data);
}

std::optional<std::uint64_t> SpaceLog::position(const RecordId& id) const {
  const auto found = positions_.find(id);
  if (found == positions_.end()) return std::nullopt;
  return found->second;
}

Result<void> SpaceLog::check_author(const DeviceState& device, const Commit& commit, std::uint64_t position) const {
  const auto role = device.role_at(position);
  if (!role || !role_writes(*role))
    return fail(ErrorCode::refused, N_("Device {} had no right to write snapshot {}."), commit.clear.device.hex(),
                commit.id.hex());
  if (epochs_[position].rotation_due || epochs_[position].epoch != commit.clear.epoch)
    return fail(ErrorCode::refused, N_("Snapshot {} was sealed with keys that were not in use when it was made."),
                commit.id.hex());
  const auto cuts_off = [&](const DeviceState::Cut& cut) { return position < cut.position && !outlives(cut, commit); };
  if (std::ranges::any_of(device.cuts, cuts_off))
    return fail(ErrorCode::refused,
                device.removed ? N_("Device {} was removed: its snapshot {} does not count.")
                               : N_("Device {} lost its right to write: its snapshot {} does not count."),
                commit.clear.device.hex(), commit.id.hex());
  return {};
}

Result<void> SpaceLog::accepts(const Commit& commit) const {
  if (commit.clear.space != space_)
    return fail(ErrorCode::corrupt, N_("Snapshot {} belongs to another space."), commit.id.hex());
  const DeviceState* author = device(commit.clear.device);
  if (author == nullptr)
    return fail(ErrorCode::refused, N_("Snapshot {} is by device {}, which is not in this space."), commit.id.hex(),
                commit.clear.device.hex());
  if (!verify_commit(commit, author->keys.sign))
    return fail(ErrorCode::corrupt, N_("Snapshot {} does not bear the signature of its device."), commit.id.hex());
  const auto log_head = position(commit.clear.log_head);
  if (!log_head)
    return fail(ErrorCode::conflict, N_("Snapshot {} names a log record that is not known here: synchronise first."),
                commit.id.hex());
  return check_author(*author, commit, *log_head);
}

Result<void> SpaceLog::accepts_new_commit(const Commit& commit) const {
  BEFFROI_CHECK(accepts(commit));
  const DeviceState* author = device(commit.clear.device);
  if (author->removed || !role_writes(author->role))
    return fail(ErrorCode::refused, N_("Device {} may not write to this space any more."), commit.clear.device.hex());
  if (rotation_due_ || commit.clear.epoch != epoch_)
    return fail(ErrorCode::refused, N_("The keys of the space have been renewed: take the snapshot again."));
  return {};
}

const RecoveryBody* last_recovery(const SpaceLog& log, const DeviceId& device) {
  const auto& records = log.records();
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    const auto* recovery = std::get_if<RecoveryBody>(&record->body);
    if (recovery != nullptr && recovery->device == device) return recovery;
  }
  return nullptr;
}

}  // namespace beffroi::storage
