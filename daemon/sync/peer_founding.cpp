// The shares of a peer's organisations: how they are founded, and who knocks at them.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/sync/peer_host_impl.h"

namespace beffroi::daemon {
namespace {

using crypto::TransportPublicKey;
using storage::SpaceId;
using storage::SpaceKind;
using storage::SpaceLog;

Result<void> refused(const char* text) { return std::unexpected(Error{ErrorCode::refused, text, {}}); }

// Only who holds the vault's kit has signed it: so nobody hosts a share that is somebody else's, and nobody finds out
// by trying which ones are here.
Result<void> check_genesis_of(const PeerHost::Caller& caller, ByteView genesis) {
  BEFFROI_TRY(const SpaceLog log, SpaceLog::from_genesis(genesis));
  if (caller.space->kind() != SpaceKind::vault || !(caller.is_root || caller.may_write))
    return refused(N_("Only a station's own vault can found a shared folder at the peer."));
  if (log.kind() != SpaceKind::share || log.root() != caller.space->root())
    return refused(N_("A shared folder is founded with the kit of the station that asks for it."));
  return {};
}

}  // namespace

Result<void> PeerHostImpl::check_founding(const Caller& caller, const SpaceId& space) const {
  const auto organisation = caller.space->organisation();
  if (organisation->is_suspended()) return std::unexpected(suspension(contact_));
  const auto damaged = damaged_tenants();
  if (std::ranges::any_of(damaged, [&](const DamagedTenant& tenant) { return tenant.space == space; }))
    return fail(ErrorCode::corrupt, N_("What the peer keeps of this shared folder is damaged. Ask the EPCI."));
  std::size_t shares = 0;
  for (const auto& hosted : spaces_of(organisation->id())) {
    if (hosted->space() == space) return {};
    shares += hosted->kind() == SpaceKind::share ? 1 : 0;
  }
  if (shares >= kMaxSharesPerOrganisation)
    return fail(ErrorCode::refused, N_("The peer hosts at most {} shared folders of an organisation. Ask the EPCI."),
                std::to_string(kMaxSharesPerOrganisation));
  return {};
}

Result<void> PeerHostImpl::may_found(const Caller& caller, ByteView genesis) const {
  BEFFROI_CHECK(check_genesis_of(caller, genesis));
  return check_founding(caller, SpaceId{crypto::hash256(crypto::labels::record_id, genesis)});
}

Result<void> PeerHostImpl::found_share(const Caller& caller, std::span<const Bytes> records) {
  if (records.empty()) return fail(ErrorCode::protocol, N_("The station sent an empty log."));
  const std::string by = caller.is_root ? "root" : device_actor(caller.device);
  auto founded = may_found(caller, records.front());
  if (founded) founded = take_share(caller, records, by);
  if (!founded && founded.error().code == ErrorCode::refused)
    audit_->note({.action = storage::AuditAction::refused,
                  .actor = by,
                  .space = caller.space->space(),
                  .organisation = caller.space->organisation()->state().name,
                  .detail = founded.error().message()});
  return founded;
}

Result<void> PeerHostImpl::take_share(const Caller& caller, std::span<const Bytes> records, const std::string& by) {
  BEFFROI_TRY(const SpaceLog log, SpaceLog::from_records(records, std::nullopt));
  const std::lock_guard changing(changing_);
  BEFFROI_CHECK(check_founding(caller, log.space()));
  const auto organisation = caller.space->organisation();
  // An erasure may have shut it out while this waited.
  if (organisation->is_closed()) return refused(N_("The peer does not know this device, or it was removed."));
  if (const auto hosted = hosted_space(log.space())) {
    if (hosted->organisation() == organisation && hosted->agrees_with(records)) return {};
    spdlog::warn("{} has tried to found the share {} of {}", organisation->state().name, log.space().hex(),
                 hosted->organisation()->state().name);
    return refused(
        N_("The peer has this shared folder already, with another log or for another organisation. Ask the "
           "EPCI."));
  }
  std::uint64_t bytes = 0;
  for (const Bytes& record : records) bytes += record.size();
  BEFFROI_TRY(const auto room, organisation->reserve(bytes, SpaceKind::share));
  storage::WriteBatch batch;
  BEFFROI_CHECK(take_in(*organisation, log, batch));
  audit_->note({.action = storage::AuditAction::enrol,
                .actor = by,
                .space = log.space(),
                .organisation = organisation->state().name,
                .detail = "share"});
  return {};
}

Result<std::shared_ptr<HostedSpace>> PeerHostImpl::knock(const TransportPublicKey& key,
                                                         std::optional<SpaceId> space) const {
  const auto hosted = space && share_invitations_.find(*space, key) ? hosted_space(*space) : nullptr;
  if (!hosted)
    return fail(ErrorCode::refused, N_("The peer does not know this invitation. Ask who sent it for a new one."));
  return hosted;
}

std::shared_ptr<Organisation> PeerHostImpl::knocking_at(const TransportPublicKey& key) const {
  const auto id = share_invitations_.organisation_of(key);
  return id ? organisations_.find(*id) : nullptr;
}

std::shared_ptr<HostedSpaceImpl> PeerHostImpl::hosted_space(const SpaceId& space) const {
  const std::lock_guard lock(mutex_);
  const auto found = spaces_.find(space);
  return found == spaces_.end() ? nullptr : found->second;
}

}  // namespace beffroi::daemon
