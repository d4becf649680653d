#include "daemon/sync/peer_host.h"

#include <spdlog/spdlog.h>

#include <filesystem>

#include "daemon/sync/peer_host_impl.h"
#include "daemon/vault/device_key_file.h"

namespace beffroi::daemon {

using crypto::TransportPublicKey;
using storage::SpaceId;
using storage::SpaceLog;
using storage::WriteBatch;

namespace {

std::uint64_t bytes_of(const SpaceLog& log) {
  std::uint64_t out = 0;
  for (const Bytes& record : log.encoded()) out += record.size();
  return out;
}

std::string invitation_actor(const TransportPublicKey& key) { return "invitation " + invitation_id(key); }

AuditEvent refusal(const TransportPublicKey& invitation_key, const SpaceId& space, const Error& error) {
  return {.action = storage::AuditAction::refused,
          .actor = invitation_actor(invitation_key),
          .space = space,
          .organisation = {},
          .detail = error.message()};
}

}  // namespace

PeerHostImpl::PeerHostImpl(std::unique_ptr<storage::Database> database, std::unique_ptr<AuditLog> audit,
                           crypto::DeviceKeys keys, Clock& clock, crypto::Random& random)
    : database_(std::move(database)),
      audit_(std::move(audit)),
      keys_(std::move(keys)),
      clock_(clock),
      random_(random),
      objects_(storage::make_object_store(*database_)),
      running_time_(*database_),
      organisations_(*database_),
      invitations_(*database_, clock),
      share_invitations_(*database_, clock) {
  running_seconds_ = running_time_.seconds();
}

storage::PeerPublic PeerHostImpl::public_part() const {
  const crypto::DevicePublic keys = keys_.public_part();
  return {keys.transport, keys.sign};
}

HostParts PeerHostImpl::parts() {
  return {*database_,
          *objects_,
          clock_,
          random_,
          keys_.sign,
          running_seconds_,
          [this](const SpaceId& space, const SpaceLog& log) {
            const std::lock_guard lock(mutex_);
            // Not what was erased meanwhile.
            if (spaces_.contains(space)) admitted_.set(space, log);
          },
          full_,
          contact_,
          *audit_,
          share_invitations_};
}

Result<void> PeerHostImpl::load() {
  BEFFROI_CHECK(organisations_.load());
  BEFFROI_CHECK(invitations_.load());
  BEFFROI_CHECK(share_invitations_.load());
  BEFFROI_CHECK(take_up_erasures());
  BEFFROI_TRY(auto tenants, load_tenants(*database_));
  for (auto& [space, tenant] : tenants) {
    const OrganisationId organisation = tenant.organisation;
    const auto known = organisations_.find(organisation);
    if (known && known->is_closed()) continue;  // it is being erased
    const std::string name = known ? known->state().name : organisation.hex();
    const auto loaded = load_tenant(space, std::move(tenant));
    if (loaded) continue;
    // The others are served all the same.
    if (loaded.error().code == ErrorCode::io) return loaded;
    spdlog::error("the space {} of {} is not served: {}", space.hex(), name, loaded.error().message());
    damaged_.push_back({space, organisation, name, loaded.error()});
  }
  return forget_ended();
}

Result<void> PeerHostImpl::load_tenant(const SpaceId& space, TenantState tenant) {
  BEFFROI_TRY(const SpaceLog log, storage::SpaceStore(*database_, space).load_log());
  return host(log, std::move(tenant));
}

Result<void> PeerHostImpl::host(const SpaceLog& log, TenantState tenant) {
  auto organisation = organisations_.find(tenant.organisation);
  if (!organisation)
    return fail(ErrorCode::corrupt, N_("What this peer knows of its tenants is damaged. Restore its database."));
  BEFFROI_TRY(auto hosted, HostedSpaceImpl::open(parts(), log, std::move(tenant), std::move(organisation)));
  const std::lock_guard lock(mutex_);
  spaces_[log.space()] = std::move(hosted);
  admitted_.set(log.space(), log);
  return {};
}

bool PeerHostImpl::admits(const TransportPublicKey& key) const {
  {
    const std::lock_guard lock(mutex_);
    if (!admitted_.spaces(key).empty()) return true;
  }
  return invitations_.knows(key) || share_invitations_.knows(key);
}

Result<PeerHost::Caller> PeerHostImpl::caller(const TransportPublicKey& key, std::optional<SpaceId> space) {
  std::shared_ptr<HostedSpaceImpl> hosted;
  {
    const std::lock_guard lock(mutex_);
    auto candidates = admitted_.spaces(key);
    // Who names none means the vault: shares were not there when older stations learned to speak.
    const auto is_share = [&](const SpaceId& id) { return spaces_.at(id)->kind() == storage::SpaceKind::share; };
    if (!space && candidates.size() > 1) std::erase_if(candidates, is_share);
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

Result<std::shared_ptr<Organisation>> PeerHostImpl::open_to(const TransportPublicKey& key, const SpaceId& space) const {
  BEFFROI_TRY(const InvitationState invitation, invitations_.use(key, space));
  auto out = organisations_.find(invitation.organisation);
  if (!out) return fail(ErrorCode::refused, N_("The peer does not know this invitation. Ask the EPCI for a new one."));
  if (out->is_suspended()) return std::unexpected(suspension(contact_));
  return out;
}

Result<void> PeerHostImpl::may_enrol(const TransportPublicKey& invitation_key, ByteView genesis) const {
  const SpaceId space{crypto::hash256(crypto::labels::record_id, genesis)};
  const auto usable = open_to(invitation_key, space);
  if (usable) return {};
  audit_->note(refusal(invitation_key, space, usable.error()));
  return forward_error(usable);
}

std::shared_ptr<Organisation> PeerHostImpl::inviting(const TransportPublicKey& invitation_key) const {
  const auto id = invitations_.organisation_of(invitation_key);
  return id ? organisations_.find(*id) : nullptr;
}

Result<void> PeerHostImpl::enrol(const TransportPublicKey& invitation_key, std::span<const Bytes> records) {
  // Before the costly verification, and that before the lock: whoever has no open invitation gets neither.
  if (records.empty()) return fail(ErrorCode::protocol, N_("The station sent an empty log."));
  BEFFROI_CHECK(may_enrol(invitation_key, records.front()));
  BEFFROI_TRY(const SpaceLog log, SpaceLog::from_records(records, std::nullopt));
  const std::lock_guard changing(changing_);
  BEFFROI_TRY(const auto organisation, open_to(invitation_key, log.space()));
  BEFFROI_TRY(const InvitationState invitation, invitations_.use(invitation_key, log.space()));
  const auto hosted = hosted_space(log.space());
  WriteBatch batch;
  if (!hosted) {
    if (bytes_of(log) > kMaxLogBytes)
      return fail(ErrorCode::limit_exceeded, N_("The log of this space has become too long. Ask the EPCI."));
    invitations_.mark_used(batch, invitation_key, log.space());
    BEFFROI_CHECK(take_in(*organisation, log, batch));
    note_enrolled(*organisation, invitation_key, log.space());
    return {};
  }
  if (hosted->organisation() != organisation) {
    spdlog::warn("{} was invited, and has the log of the space {} of {}", organisation->state().name, log.space().hex(),
                 hosted->organisation()->state().name);
    const Error refused{
        ErrorCode::refused, N_("The peer does not take this vault by this invitation. Ask the EPCI."), {}};
    audit_->note(refusal(invitation_key, log.space(), refused));
    return std::unexpected(refused);
  }
  if (!hosted->agrees_with(records))
    return fail(ErrorCode::corrupt, N_("The peer has another log of this space than this station. Ask the EPCI."));
  invitations_.mark_used(batch, invitation_key, log.space());
  BEFFROI_CHECK(database_->write(batch, storage::Durability::synced));
  // The same again, when the answer was lost: it is written down once.
  if (!invitation.used_by) note_enrolled(*organisation, invitation_key, log.space());
  return {};
}

void PeerHostImpl::note_enrolled(const Organisation& organisation, const TransportPublicKey& key,
                                 const SpaceId& space) {
  audit_->note({.action = storage::AuditAction::enrol,
                .actor = invitation_actor(key),
                .space = space,
                .organisation = organisation.state().name,
                .detail = {}});
}

Result<void> PeerHostImpl::take_in(const Organisation& organisation, const SpaceLog& log, WriteBatch& batch) {
  TenantState tenant;
  tenant.organisation = organisation.id();
  tenant.enrolled = clock_.now();
  tenant.last_contact = tenant.enrolled;
  tenant.log_bytes = bytes_of(log);
  // All of it, or nothing; and one sync, however long the log is.
  storage::SpaceStore(*database_, log.space()).put_log(batch, log.encoded());
  put_tenant(batch, log.space(), tenant);
  BEFFROI_CHECK(database_->write(batch, storage::Durability::synced));
  return host(log, std::move(tenant));
}

std::vector<std::shared_ptr<HostedSpaceImpl>> PeerHostImpl::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<HostedSpaceImpl>> out;
  for (const auto& [space, hosted] : spaces_) out.push_back(hosted);
  return out;
}

std::vector<std::shared_ptr<HostedSpaceImpl>> PeerHostImpl::spaces_of(const OrganisationId& organisation) const {
  auto out = all();
  std::erase_if(out, [&](const auto& hosted) { return hosted->organisation()->id() != organisation; });
  return out;
}

std::vector<DamagedTenant> PeerHostImpl::damaged_tenants() const {
  const std::lock_guard lock(mutex_);
  return damaged_;
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

namespace {

Result<crypto::DeviceKeys> own_keys(const std::string& path, crypto::Random& random) {
  BEFFROI_TRY(auto known, read_device_keys(path));
  if (known) return std::move(*known);
  crypto::DeviceKeys made = crypto::DeviceKeys::generate(random);
  BEFFROI_CHECK(write_device_keys(path, made));
  return made;
}

}  // namespace

Result<std::unique_ptr<storage::Database>> PeerHost::open_database(const std::string& data_folder,
                                                                   const storage::DatabaseOptions& options) {
  const std::filesystem::path folder(data_folder);
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return fail(ErrorCode::io, N_("Cannot create the folder {}: {}."), data_folder, error.message());
  return storage::Database::open((folder / "db").string(), options);
}

// The database first: its lock keeps a second process from making other keys.
Result<std::unique_ptr<PeerHost>> PeerHost::open(const std::string& data_folder,
                                                 std::unique_ptr<storage::Database> database, Clock& clock,
                                                 crypto::Random& random) {
  BEFFROI_TRY(auto keys, own_keys((std::filesystem::path(data_folder) / "keys").string(), random));
  BEFFROI_TRY(auto audit, AuditLog::open(*database, clock));
  auto out = std::make_unique<PeerHostImpl>(std::move(database), std::move(audit), std::move(keys), clock, random);
  BEFFROI_CHECK(out->load());
  return out;
}

Result<std::unique_ptr<PeerHost>> PeerHost::open(const std::string& data_folder, Clock& clock, crypto::Random& random,
                                                 const storage::DatabaseOptions& options) {
  BEFFROI_TRY(auto database, open_database(data_folder, options));
  return open(data_folder, std::move(database), clock, random);
}

}  // namespace beffroi::daemon
