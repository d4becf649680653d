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

// Appends to a list that has to fit into one message; false when it is full.
bool take(std::vector<Bytes>& list, std::size_t& bytes, Bytes item) {
  if (!list.empty() && (list.size() >= kMaxItemsPerList || bytes + item.size() > kMaxListBytes)) return false;
  bytes += item.size();
  list.push_back(std::move(item));
  return true;
}

}  // namespace

HostedSpaceImpl::HostedSpaceImpl(const HostParts& parts, SpaceLog log, TenantState tenant,
                                 std::set<storage::ObjectId> wanted)
    : parts_(parts),
      store_(parts.database, log.space()),
      leases_(parts.database, log.space()),
      log_(std::move(log)),
      tenant_(std::move(tenant)),
      wanted_(std::move(wanted)) {}

Result<std::shared_ptr<HostedSpaceImpl>> HostedSpaceImpl::open(const HostParts& parts, SpaceLog log,
                                                               TenantState tenant) {
  BEFFROI_TRY(auto wanted, load_wanted(parts.database, log.space()));
  // A crash may have come between the wish and the quarantine: a wished-for object never counts as here.
  for (const storage::ObjectId& id : wanted) BEFFROI_CHECK(parts.objects.quarantine(log.space(), id));
  tenant.log_bytes = total_bytes(log.encoded());
  return std::shared_ptr<HostedSpaceImpl>(
      new HostedSpaceImpl(parts, std::move(log), std::move(tenant), std::move(wanted)));
}

SpaceLog HostedSpaceImpl::log() const {
  const std::lock_guard lock(facts_);
  return log_;
}

Result<std::vector<Bytes>> HostedSpaceImpl::records_from(std::uint64_t sequence) const {
  return store_.records_from(sequence, kMaxListBytes);
}

Result<void> HostedSpaceImpl::append_record(ByteView record) {
  const std::lock_guard writing(writing_);
  SpaceLog next = log();
  for (const Bytes& known : next.encoded())
    if (std::ranges::equal(known, record)) return {};
  BEFFROI_CHECK(next.append(record));
  {
    const std::lock_guard lock(facts_);
    // The last part is kept for the root: what devices sign must never keep it from removing one of them.
    const bool by_root = next.head().signer == next.root().sign;
    if (tenant_.log_bytes + record.size() > (by_root ? kMaxLogBytes : kMaxDeviceLogBytes))
      return fail(ErrorCode::limit_exceeded, N_("The log of this space has become too long. Ask the EPCI."));
  }
  BEFFROI_CHECK(store_.append_record(next.head().sequence, record));
  {
    const std::lock_guard lock(facts_);
    log_ = next;
    tenant_.log_bytes += record.size();
  }
  parts_.log_changed(space(), next);
  return {};
}

std::optional<PeerHost::Caller> HostedSpaceImpl::identify(const crypto::TransportPublicKey& key) const {
  const std::lock_guard lock(facts_);
  PeerHost::Caller out;
  if (log_.root().transport == key) {
    out.device = log_.root().id();
    out.is_root = true;
    return out;
  }
  const storage::DeviceState* device = log_.device_by_transport(key);
  if (device == nullptr) return std::nullopt;
  out.device = device->keys.id();
  out.may_write = storage::role_writes(device->role);
  return out;
}

bool HostedSpaceImpl::agrees_with(std::span<const Bytes> records) const {
  const std::lock_guard lock(facts_);
  const auto& known = log_.encoded();
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
    if (!take(out, bytes, std::move(*encoded))) return out;
  }
}

Result<std::vector<Bytes>> HostedSpaceImpl::receipts_from(std::uint64_t counter) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  for (std::uint64_t next = std::max<std::uint64_t>(counter, 1);; ++next) {
    BEFFROI_TRY(auto encoded, store_.receipt(next));
    if (!encoded || !take(out, bytes, std::move(*encoded))) return out;
  }
}

Result<std::uint64_t> HostedSpaceImpl::newest_receipt() {
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  return newest ? newest->first : 0;
}

Result<void> HostedSpaceImpl::note_contact() {
  const std::lock_guard writing(writing_);
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

Result<std::uint64_t> HostedSpaceImpl::used_bytes() {
  BEFFROI_TRY(const auto usage, parts_.objects.usage(space()));
  const std::lock_guard lock(facts_);
  return usage.sealed_bytes + tenant_.commit_bytes + tenant_.log_bytes;
}

Result<Tenant> HostedSpaceImpl::describe() {
  Tenant out;
  BEFFROI_TRY(out.used_bytes, used_bytes());
  const std::lock_guard lock(facts_);
  out.space = space();
  out.name = tenant_.name;
  out.quota_bytes = tenant_.quota_bytes;
  out.enrolled = tenant_.enrolled;
  out.last_contact = tenant_.last_contact;
  out.last_commit = tenant_.last_commit;
  out.commits = tenant_.commits;
  out.quarantined = wanted_.size();
  return out;
}

}  // namespace beffroi::daemon
