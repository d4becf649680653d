#include "daemon/sync/peer_host.h"

#include <spdlog/spdlog.h>

#include <filesystem>

#include "daemon/sync/hosted_space.h"
#include "daemon/sync/invitation_book.h"
#include "daemon/vault/device_key_file.h"

namespace beffroi::daemon {
namespace {

using crypto::TransportPublicKey;
using storage::SpaceId;
using storage::SpaceLog;
using storage::UnixTime;
using storage::WriteBatch;

// Who is let in: the transport keys of all hosted spaces.
class AdmissionIndex {
 public:
  void set(const SpaceId& space, const SpaceLog& log) {
    for (auto& [key, spaces] : spaces_of_) spaces.erase(space);
    std::erase_if(spaces_of_, [](const auto& entry) { return entry.second.empty(); });
    spaces_of_[log.root().transport].insert(space);
    for (const auto& [id, device] : log.devices())
      if (!device.removed) spaces_of_[device.keys.transport].insert(space);
  }
  std::set<SpaceId> spaces(const TransportPublicKey& key) const {
    const auto found = spaces_of_.find(key);
    return found == spaces_of_.end() ? std::set<SpaceId>() : found->second;
  }

 private:
  std::map<TransportPublicKey, std::set<SpaceId>> spaces_of_;
};

class PeerHostImpl final : public PeerHost {
 public:
  PeerHostImpl(std::unique_ptr<storage::Database> database, crypto::DeviceKeys keys, Clock& clock,
               crypto::Random& random)
      : database_(std::move(database)),
        keys_(std::move(keys)),
        clock_(clock),
        random_(random),
        objects_(storage::make_object_store(*database_)),
        running_time_(*database_),
        invitations_(*database_, clock) {
    running_seconds_ = running_time_.seconds();
  }

  Result<void> load();

  storage::PeerPublic public_part() const override {
    const crypto::DevicePublic keys = keys_.public_part();
    return {keys.transport, keys.sign};
  }
  const crypto::SecretBytes& transport_seed() const override { return keys_.transport_seed; }
  storage::Database& database() override { return *database_; }
  storage::ObjectStore& objects() override { return *objects_; }

  Result<storage::Invitation> invite(const std::string& name, std::optional<std::uint64_t> quota_bytes,
                                     UnixTime expires, const std::string& address) override;
  bool admits(const TransportPublicKey& key) const override;
  Result<Caller> caller(const TransportPublicKey& key, std::optional<SpaceId> space) override;
  Result<void> enrol(const TransportPublicKey& invitation_key, std::span<const Bytes> records) override;
  Result<void> may_enrol(const TransportPublicKey& invitation_key, ByteView genesis) const override;
  std::vector<std::shared_ptr<HostedSpace>> spaces() const override;
  void set_full(bool full) override { full_ = full; }
  Result<void> add_running_time(std::uint64_t seconds) override;
  Result<std::vector<Tenant>> tenants() override;
  std::vector<DamagedTenant> damaged_tenants() const override { return damaged_; }
  Result<std::vector<PendingInvitation>> invitations() override { return invitations_.list(); }

 private:
  HostParts parts();
  Result<void> load_tenant(const SpaceId& space, TenantState tenant);
  Result<void> host(const SpaceLog& log, TenantState tenant);
  Result<void> take_in(const InvitationState& invitation, const TransportPublicKey& key, const SpaceLog& log);
  std::vector<std::shared_ptr<HostedSpaceImpl>> all() const;

  std::unique_ptr<storage::Database> database_;
  crypto::DeviceKeys keys_;
  Clock& clock_;
  crypto::Random& random_;
  std::unique_ptr<storage::ObjectStore> objects_;
  std::mutex time_;  ///< running_time_
  storage::RunningTime running_time_;
  std::atomic<std::uint64_t> running_seconds_ = 0;
  std::atomic<bool> full_ = false;
  InvitationBook invitations_;
  std::vector<DamagedTenant> damaged_;  ///< found by load(), unchanged after it
  std::mutex enrolling_;                ///< one at a time
  mutable std::mutex mutex_;            ///< the members below
  std::map<SpaceId, std::shared_ptr<HostedSpaceImpl>> spaces_;
  AdmissionIndex admitted_;
};

HostParts PeerHostImpl::parts() {
  return {*database_,
          *objects_,
          clock_,
          random_,
          keys_.sign,
          running_seconds_,
          [this](const SpaceId& space, const SpaceLog& log) {
            const std::lock_guard lock(mutex_);
            admitted_.set(space, log);
          },
          full_};
}

Result<void> PeerHostImpl::load() {
  BEFFROI_CHECK(invitations_.load());
  BEFFROI_TRY(auto tenants, load_tenants(*database_));
  for (auto& [space, tenant] : tenants) {
    const std::string name = tenant.name;
    const auto loaded = load_tenant(space, std::move(tenant));
    if (loaded) continue;
    // The others are served all the same.
    if (loaded.error().code == ErrorCode::io) return loaded;
    spdlog::error("the space {} of {} is not served: {}", space.hex(), name, loaded.error().message());
    damaged_.push_back({space, name, loaded.error()});
  }
  return {};
}

Result<void> PeerHostImpl::load_tenant(const SpaceId& space, TenantState tenant) {
  BEFFROI_TRY(const SpaceLog log, storage::SpaceStore(*database_, space).load_log());
  return host(log, std::move(tenant));
}

Result<void> PeerHostImpl::host(const SpaceLog& log, TenantState tenant) {
  BEFFROI_TRY(auto hosted, HostedSpaceImpl::open(parts(), log, std::move(tenant)));
  const std::lock_guard lock(mutex_);
  spaces_[log.space()] = std::move(hosted);
  admitted_.set(log.space(), log);
  return {};
}

Result<storage::Invitation> PeerHostImpl::invite(const std::string& name, std::optional<std::uint64_t> quota_bytes,
                                                 UnixTime expires, const std::string& address) {
  if (name.empty() || name.size() > kMaxTenantNameBytes)
    return fail(ErrorCode::usage, N_("A tenant's name has 1 to {} bytes."), std::to_string(kMaxTenantNameBytes));
  storage::Invitation out{address, public_part(), crypto::SecretBytes::random(16, random_)};
  BEFFROI_CHECK(invitations_.add(out.transport_key(), {name, quota_bytes, expires, {}}));
  return out;
}

bool PeerHostImpl::admits(const TransportPublicKey& key) const {
  {
    const std::lock_guard lock(mutex_);
    if (!admitted_.spaces(key).empty()) return true;
  }
  return invitations_.knows(key);
}

Result<PeerHost::Caller> PeerHostImpl::caller(const TransportPublicKey& key, std::optional<SpaceId> space) {
  std::shared_ptr<HostedSpaceImpl> hosted;
  {
    const std::lock_guard lock(mutex_);
    const auto candidates = admitted_.spaces(key);
    if (!space && candidates.size() > 1)
      return fail(ErrorCode::usage, N_("This key belongs to several spaces at the peer: name one of them."));
    if (!space && !candidates.empty()) space = *candidates.begin();
    if (space && candidates.contains(*space)) hosted = spaces_.at(*space);
  }
  auto out = hosted ? hosted->identify(key) : std::nullopt;
  if (!out) return fail(ErrorCode::refused, N_("The peer does not know this device, or it was removed."));
  out->space = std::move(hosted);
  return std::move(*out);
}

Result<void> PeerHostImpl::may_enrol(const TransportPublicKey& invitation_key, ByteView genesis) const {
  const SpaceId space{crypto::hash256(crypto::labels::record_id, genesis)};
  BEFFROI_CHECK(invitations_.use(invitation_key, space));
  return {};
}

Result<void> PeerHostImpl::enrol(const TransportPublicKey& invitation_key, std::span<const Bytes> records) {
  // Before the costly verification, and that before the lock: whoever has no open invitation gets neither.
  if (records.empty()) return fail(ErrorCode::protocol, N_("The station sent an empty log."));
  BEFFROI_CHECK(may_enrol(invitation_key, records.front()));
  BEFFROI_TRY(const SpaceLog log, SpaceLog::from_records(records, std::nullopt));
  const std::lock_guard enrolling(enrolling_);
  BEFFROI_TRY(const InvitationState invitation, invitations_.use(invitation_key, log.space()));
  std::shared_ptr<HostedSpaceImpl> hosted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = spaces_.find(log.space());
    if (found != spaces_.end()) hosted = found->second;
  }
  if (!hosted) return take_in(invitation, invitation_key, log);
  if (!hosted->agrees_with(records))
    return fail(ErrorCode::corrupt, N_("The peer has another log of this vault than this station. Ask the EPCI."));
  WriteBatch batch;
  invitations_.mark_used(batch, invitation_key, log.space());
  return database_->write(batch, storage::Durability::synced);
}

Result<void> PeerHostImpl::take_in(const InvitationState& invitation, const TransportPublicKey& key,
                                   const SpaceLog& log) {
  std::uint64_t bytes = 0;
  for (const Bytes& record : log.encoded()) bytes += record.size();
  if (bytes > kMaxLogBytes)
    return fail(ErrorCode::limit_exceeded, N_("The log of this space has become too long. Ask the EPCI."));
  storage::SpaceStore store(*database_, log.space());
  for (const storage::Record& record : log.records())
    BEFFROI_CHECK(store.append_record(record.sequence, log.encoded()[record.sequence]));
  TenantState tenant;
  tenant.name = invitation.name;
  tenant.quota_bytes = invitation.quota_bytes;
  tenant.enrolled = clock_.now();
  tenant.last_contact = tenant.enrolled;
  tenant.log_bytes = bytes;
  // Tenant and invitation in one batch: a crash before it leaves records that nobody looks at.
  WriteBatch batch;
  put_tenant(batch, log.space(), tenant);
  invitations_.mark_used(batch, key, log.space());
  BEFFROI_CHECK(database_->write(batch, storage::Durability::synced));
  return host(log, std::move(tenant));
}

std::vector<std::shared_ptr<HostedSpaceImpl>> PeerHostImpl::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<HostedSpaceImpl>> out;
  for (const auto& [space, hosted] : spaces_) out.push_back(hosted);
  return out;
}

std::vector<std::shared_ptr<HostedSpace>> PeerHostImpl::spaces() const {
  const auto hosted = all();
  return {hosted.begin(), hosted.end()};
}

Result<void> PeerHostImpl::add_running_time(std::uint64_t seconds) {
  const std::lock_guard lock(time_);
  BEFFROI_CHECK(running_time_.add(seconds));
  running_seconds_ = running_time_.seconds();
  return {};
}

Result<std::vector<Tenant>> PeerHostImpl::tenants() {
  std::vector<Tenant> out;
  for (const auto& hosted : all()) {
    BEFFROI_TRY(Tenant tenant, hosted->describe());
    out.push_back(std::move(tenant));
  }
  return out;
}

Result<crypto::DeviceKeys> own_keys(const std::string& path, crypto::Random& random) {
  BEFFROI_TRY(auto known, read_device_keys(path));
  if (known) return std::move(*known);
  crypto::DeviceKeys made = crypto::DeviceKeys::generate(random);
  BEFFROI_CHECK(write_device_keys(path, made));
  return made;
}

}  // namespace

Result<std::unique_ptr<PeerHost>> PeerHost::open(const std::string& data_folder, Clock& clock, crypto::Random& random,
                                                 const storage::DatabaseOptions& options) {
  const std::filesystem::path folder(data_folder);
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return fail(ErrorCode::io, N_("Cannot create the folder {}: {}."), data_folder, error.message());
  // The database first: its lock keeps a second process from making other keys.
  BEFFROI_TRY(auto database, storage::Database::open((folder / "db").string(), options));
  BEFFROI_TRY(auto keys, own_keys((folder / "keys").string(), random));
  auto out = std::make_unique<PeerHostImpl>(std::move(database), std::move(keys), clock, random);
  BEFFROI_CHECK(out->load());
  return out;
}

}  // namespace beffroi::daemon
