#include "daemon/sync/hosted_space.h"

#include "daemon/sync/messages.h"

namespace beffroi::daemon {
namespace {

using storage::Durability;
using storage::SpaceLog;
using storage::WriteBatch;

std::uint64_t total_bytes(std::span<const Bytes> records) {
  std::uint64_t out = 0;
  for (const Bytes& record : records) out += record.size();
  return out;
}

std::string signer_name(const SpaceLog& log, const crypto::SigningPublicKey& signer) {
  if (signer == log.root().sign) return "root";
  const storage::DeviceState* device = log.device_by_signer(signer);
  return device == nullptr ? "a key that the log does not know" : device_actor(device->keys.id());
}

storage::AuditAction action_of(const storage::RecordBody& body) {
  if (std::holds_alternative<storage::DeletionBody>(body)) return storage::AuditAction::deletion_requested;
  if (std::holds_alternative<storage::CancelBody>(body)) return storage::AuditAction::deletion_cancelled;
  return storage::AuditAction::record;
}

/// Takes somebody out of a share, or renews its keys after that: no other device may hold this up. Each names somebody
/// who was admitted, so there are no more of them than of records that are counted.
bool is_of_removal(const SpaceLog& log, const storage::Record& record) {
  if (log.kind() != storage::SpaceKind::share) return false;
  if (std::holds_alternative<storage::RemovalBody>(record.body)) return true;
  return std::holds_alternative<storage::EpochBody>(record.body) && log.rotation_due();
}

std::string record_text(const storage::Record& record) {
  return "record " + std::to_string(record.sequence) + ", " + storage::record_type_name(record.body);
}

}  // namespace

bool take_into_list(std::vector<Bytes>& list, std::size_t& bytes, Bytes item) {
  if (!list.empty() && (list.size() >= kMaxItemsPerList || bytes + item.size() > kMaxListBytes)) return false;
  bytes += item.size();
  list.push_back(std::move(item));
  return true;
}

HostedSpaceImpl::HostedSpaceImpl(const HostParts& parts, SpaceLog log, TenantState tenant,
                                 std::map<storage::ObjectId, Damage> damaged,
                                 std::shared_ptr<Organisation> organisation)
    : parts_(parts),
      store_(parts.database, log.space()),
      leases_(parts.database, log.space()),
      organisation_(std::move(organisation)),
      reopenings_(parts.database.reopenings()),
      log_(std::make_shared<const SpaceLog>(std::move(log))),
      tenant_(std::move(tenant)),
      damaged_(std::move(damaged)) {}

Result<std::shared_ptr<HostedSpaceImpl>> HostedSpaceImpl::open(const HostParts& parts, SpaceLog log, TenantState tenant,
                                                               std::shared_ptr<Organisation> organisation) {
  BEFFROI_TRY(auto damaged, load_wanted(parts.database, log.space()));
  // A crash may have come between the wish and the quarantine: a wished-for object never counts as here.
  for (const auto& [id, damage] : damaged) BEFFROI_CHECK(parts.objects.quarantine(log.space(), id));
  tenant.log_bytes = total_bytes(log.encoded());
  std::shared_ptr<HostedSpaceImpl> out(
      new HostedSpaceImpl(parts, std::move(log), std::move(tenant), std::move(damaged), std::move(organisation)));
  BEFFROI_CHECK(out->take_stock());
  return out;
}

std::shared_ptr<const SpaceLog> HostedSpaceImpl::shared_log() const {
  const std::lock_guard lock(facts_);
  return log_;
}

Result<std::unique_lock<std::mutex>> HostedSpaceImpl::begin_change() {
  std::unique_lock writing(writing_);
  if (retired_) return fail(ErrorCode::refused, N_("The peer does not know this device, or it was removed."));
  if (parts_.database.reopenings() != reopenings_) BEFFROI_CHECK(read_again());
  return writing;
}

// A write that had failed on a full disk may have been found done when the database was opened anew.
Result<void> HostedSpaceImpl::read_again() {
  const std::uint64_t reopenings = parts_.database.reopenings();
  BEFFROI_TRY(SpaceLog log, store_.load_log());
  BEFFROI_TRY(auto tenants, load_tenants(parts_.database));
  BEFFROI_TRY(auto damaged, load_wanted(parts_.database, space()));
  const auto tenant = tenants.find(space());
  {
    const std::lock_guard lock(facts_);
    if (tenant != tenants.end()) tenant_ = std::move(tenant->second);
    tenant_.log_bytes = total_bytes(log.encoded());
    damaged_ = std::move(damaged);
  }
  take_log(std::make_shared<const SpaceLog>(std::move(log)));
  reopenings_ = reopenings;
  return {};
}

void HostedSpaceImpl::take_log(std::shared_ptr<const SpaceLog> log) {
  {
    const std::lock_guard lock(facts_);
    log_ = log;
  }
  parts_.log_changed(space(), *log);
}

Result<std::vector<Bytes>> HostedSpaceImpl::records_from(std::uint64_t sequence) const {
  return store_.records_from(sequence, kMaxListBytes);
}

// All checks come before the copy of the log: a long one must not be copied for what is refused.
Result<void> HostedSpaceImpl::append_record(ByteView record) {
  BEFFROI_TRY(const auto writing, begin_change());
  const auto log = shared_log();
  BEFFROI_TRY(const storage::Record parsed, storage::decode_record(record));
  if (parsed.sequence < log->encoded().size() && std::ranges::equal(log->encoded()[parsed.sequence], record)) return {};
  const std::string signer = signer_name(*log, parsed.signer);
  if (const auto checked = check_record(parsed, record); !checked) {
    audit_refusal(signer, checked.error());
    return checked;
  }
  if (std::holds_alternative<storage::DeletionBody>(parsed.body)) BEFFROI_CHECK(note_deletion(parsed.id));
  auto next = std::make_shared<SpaceLog>(*log);
  BEFFROI_CHECK(next->append(record));
  BEFFROI_CHECK(store_.append_record(parsed.sequence, record));
  {
    const std::lock_guard lock(facts_);
    tenant_.log_bytes += record.size();
  }
  take_log(std::move(next));
  bell_->ring();
  audit(action_of(parsed.body), signer, record_text(parsed));
  const auto used = take_stock();
  return used ? Result<void>() : forward_error(used);
}

Result<void> HostedSpaceImpl::check_record(const storage::Record& record, ByteView encoded) {
  const auto log = shared_log();
  BEFFROI_CHECK(log->verify_next(encoded));
  // Whoever holds the kit must not be able to keep a member from taking a deletion back.
  const bool cancels = std::holds_alternative<storage::CancelBody>(record.body);
  if (record.signer != log->root().sign && !cancels) {
    BEFFROI_CHECK(check_active());
    if (!is_of_removal(*log, record)) BEFFROI_CHECK(check_log_pace(record));
  }
  BEFFROI_CHECK(check_log_size(record, encoded.size()));
  return check_branch_ends(record);
}

void HostedSpaceImpl::audit(storage::AuditAction action, const std::string& actor, const std::string& detail) const {
  parts_.audit.note({.action = action,
                     .actor = actor,
                     .space = space(),
                     .organisation = organisation_->state().name,
                     .detail = detail});
}

void HostedSpaceImpl::audit_refusal(const std::string& actor, const Error& error) const {
  if (error.code == ErrorCode::refused) audit(storage::AuditAction::refused, actor, error.message());
}

Result<void> HostedSpaceImpl::check_active() const {
  if (organisation_->is_suspended()) return std::unexpected(suspension(parts_.contact));
  return {};
}

// In a share for each signer: one must not keep another from anything.
Result<void> HostedSpaceImpl::check_log_pace(const storage::Record& record) {
  const std::uint64_t now = parts_.running_seconds;
  std::erase_if(log_paces_, [&](const auto& pace) { return pace.second.is_over(now); });
  const auto counted = kind() == storage::SpaceKind::share ? record.signer : crypto::SigningPublicKey();
  if (log_paces_[counted].take(now, kMaxRecordsPerHour)) return {};
  return fail(ErrorCode::busy, N_("The peer takes at most {} changes of a space's log an hour. Try again later."),
              std::to_string(kMaxRecordsPerHour));
}

// One for each deletion: what a full log still takes.
constexpr std::uint64_t kCancelReserveBytes = 1024ULL * 1024;
/// In a share: for removals by devices, and the epochs that they make due.
constexpr std::uint64_t kRemovalReserveBytes = 1024ULL * 1024;

// The last part is kept for the root: what devices sign must never keep it from removing one of them.
Result<void> HostedSpaceImpl::check_log_size(const storage::Record& record, std::size_t bytes) const {
  const std::lock_guard lock(facts_);
  const bool by_root = record.signer == log_->root().sign;
  const bool is_share = log_->kind() == storage::SpaceKind::share;
  const std::uint64_t longest = is_share ? kMaxShareLogBytes : kMaxLogBytes;
  std::uint64_t most = by_root ? longest : is_share ? kMaxShareDeviceLogBytes : kMaxDeviceLogBytes;
  if (!by_root && is_of_removal(*log_, record)) most += kRemovalReserveBytes;
  if (std::holds_alternative<storage::CancelBody>(record.body)) most = longest + kCancelReserveBytes;
  if (tenant_.log_bytes + bytes <= most) return {};
  return fail(ErrorCode::limit_exceeded, N_("The log of this space has become too long. Ask the EPCI."));
}

Result<void> HostedSpaceImpl::check_branch_ends(const storage::Record& record) const {
  if (const auto* removal = std::get_if<storage::RemovalBody>(&record.body))
    for (const auto& removed : removal->devices) BEFFROI_CHECK(check_branch_end(removed));
  if (const auto* member = std::get_if<storage::MemberBody>(&record.body))
    for (const auto& end : member->ends) BEFFROI_CHECK(check_branch_end(end));
  if (const auto* recovery = std::get_if<storage::RecoveryBody>(&record.body))
    for (const auto& head : recovery->heads) BEFFROI_CHECK(check_recovered_head(head));
  return {};
}

Result<void> HostedSpaceImpl::check_branch_end(const storage::RemovalBody::Device& removed) const {
  std::optional<storage::CommitId> there;
  if (removed.last_valid_commit) {
    BEFFROI_TRY(there, store_.branch_commit(removed.device, removed.last_valid_sequence));
  }
  BEFFROI_TRY(const bool at_the_end, may_be_cut_before(removed.device, removed.last_valid_sequence + 1));
  if (there == removed.last_valid_commit && at_the_end) return {};
  return fail(ErrorCode::refused,
              N_("This record would make snapshots of device {} worthless that the peer has acknowledged. Begin the "
                 "recovery again; if it is refused once more, ask the EPCI."),
              removed.device.hex());
}

Result<void> HostedSpaceImpl::check_recovered_head(const storage::CommitId& head) const {
  const auto refused = [&] {
    return fail(ErrorCode::refused,
                N_("The recovery goes on from the snapshot {}, which is not the newest one at the peer. Begin the "
                   "recovery again."),
                head.hex());
  };
  BEFFROI_TRY(const auto encoded, store_.commit(head));
  if (!encoded) return refused();
  BEFFROI_TRY(const storage::Commit commit, storage::decode_commit(*encoded));
  // Where a removed device's branch ends stands in the log.
  const auto log = shared_log();
  const storage::DeviceState* device = log->device(commit.clear.device);
  if (device != nullptr && device->removed) return device->last_valid_commit == head ? Result<void>() : refused();
  BEFFROI_TRY(const bool at_the_end, may_be_cut_before(commit.clear.device, commit.clear.sequence + 1));
  return at_the_end ? Result<void>() : refused();
}

// True when there is no such commit, or only since a moment ago.
Result<bool> HostedSpaceImpl::may_be_cut_before(const DeviceId& device, std::uint64_t sequence) const {
  constexpr std::int64_t kSecondsPerHour = 3600;
  BEFFROI_TRY(const auto next, store_.branch_commit(device, sequence));
  if (!next) return true;
  BEFFROI_TRY(const auto since, receipted_at(*next));
  return since && parts_.clock.now().seconds - since->seconds < kBranchEndHours * kSecondsPerHour;
}

Result<std::optional<storage::UnixTime>> HostedSpaceImpl::receipted_at(const storage::CommitId& commit) const {
  BEFFROI_TRY(const auto encoded, store_.receipt_of(commit));
  if (!encoded) return std::nullopt;
  BEFFROI_TRY(const storage::Receipt receipt, storage::decode_receipt(*encoded, parts_.sign.public_key));
  return receipt.peer_time;
}

std::optional<PeerHost::Caller> HostedSpaceImpl::identify(const crypto::TransportPublicKey& key) const {
  const auto log = shared_log();
  PeerHost::Caller out;
  if (log->root().transport == key) {
    out.device = log->root().id();
    out.is_root = true;
    return out;
  }
  const storage::DeviceState* device = log->device_by_transport(key);
  if (device == nullptr) return std::nullopt;
  out.device = device->keys.id();
  out.may_write = storage::role_writes(device->role);
  return out;
}

bool HostedSpaceImpl::agrees_with(std::span<const Bytes> records) const {
  const auto log = shared_log();
  const auto& known = log->encoded();
  const std::size_t both = std::min(known.size(), records.size());
  return std::equal(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(both), known.begin());
}

Result<std::vector<storage::BranchHead>> HostedSpaceImpl::heads() { return store_.heads(); }

Result<std::optional<Bytes>> HostedSpaceImpl::commit_bytes(const storage::CommitId& id) { return store_.commit(id); }

Result<std::vector<Bytes>> HostedSpaceImpl::branch_commits(const DeviceId& device, std::uint64_t from_sequence) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  for (std::uint64_t sequence = std::max<std::uint64_t>(from_sequence, 1);; ++sequence) {
    BEFFROI_TRY(const auto id, store_.branch_commit(device, sequence));
    if (!id) return out;
    BEFFROI_TRY(auto encoded, store_.commit(*id));
    if (!encoded) return fail(ErrorCode::corrupt, N_("The peer has lost the snapshot {}."), id->hex());
    if (!take_into_list(out, bytes, std::move(*encoded))) return out;
  }
}

Result<std::vector<Bytes>> HostedSpaceImpl::receipts_from(std::uint64_t counter) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  for (std::uint64_t next = std::max<std::uint64_t>(counter, 1);; ++next) {
    BEFFROI_TRY(auto encoded, store_.receipt(next));
    if (!encoded || !take_into_list(out, bytes, std::move(*encoded))) return out;
  }
}

Result<std::uint64_t> HostedSpaceImpl::newest_receipt() {
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  return newest ? newest->first : 0;
}

Result<void> HostedSpaceImpl::note_contact() {
  BEFFROI_TRY(const auto writing, begin_change());
  TenantState next;
  {
    const std::lock_guard lock(facts_);
    tenant_.last_contact = parts_.clock.now();
    next = tenant_;
  }
  WriteBatch batch;
  put_tenant(batch, space(), next);
  return parts_.database.write(batch, Durability::buffered);
}

Result<std::uint64_t> HostedSpaceImpl::take_stock() {
  BEFFROI_TRY(const auto usage, parts_.objects.usage(space()));
  const std::lock_guard lock(facts_);
  const std::uint64_t used =
      usage.sealed_bytes + usage.objects * kBytesPerObject + tenant_.commit_bytes + tenant_.log_bytes;
  organisation_->note_used(space(), used);
  return used;
}

Result<void> HostedSpaceImpl::retire() {
  const std::lock_guard writing(writing_);
  if (collector_) return fail(ErrorCode::busy, N_("A collection is running already."));
  retired_ = true;
  return {};
}

void HostedSpaceImpl::come_back() {
  const std::lock_guard writing(writing_);
  retired_ = false;
}

Result<ErasedSpace> HostedSpaceImpl::describe_for_erasure() const {
  ErasedSpace out;
  out.space = store_.space();
  const auto log = shared_log();
  for (const auto& [id, device] : log->devices()) out.devices.push_back(id);
  BEFFROI_TRY(const auto usage, parts_.objects.usage(out.space));
  out.objects = usage.objects;
  out.sealed_bytes = usage.sealed_bytes;
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  if (newest) out.newest_receipt = newest->first;
  const std::lock_guard lock(facts_);
  out.enrolled = tenant_.enrolled;
  out.commits = tenant_.commits;
  return out;
}

Result<Tenant> HostedSpaceImpl::describe() {
  Tenant out;
  BEFFROI_TRY(out.used_bytes, take_stock());
  const OrganisationState organisation = organisation_->state();
  const std::lock_guard lock(facts_);
  out.space = space();
  out.kind = log_->kind();
  out.organisation = organisation_->id();
  out.name = organisation.name;
  out.quota_bytes = organisation.quota_bytes;
  out.suspended = organisation.suspended.has_value();
  out.enrolled = tenant_.enrolled;
  out.last_contact = tenant_.last_contact;
  out.last_commit = tenant_.last_commit;
  out.commits = tenant_.commits;
  out.quarantined = damaged_.size();
  return out;
}

}  // namespace beffroi::daemon
