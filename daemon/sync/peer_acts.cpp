// What the operator of a peer does: invites, changes, suspends and resumes organisations.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/sync/peer_host_impl.h"

namespace beffroi::daemon {
namespace {

using storage::UnixTime;
using storage::WriteBatch;

// Names and remarks stand in lists and records: one line each.
bool is_line(const std::string& text, std::size_t max_bytes) {
  return text.size() <= max_bytes &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Result<void> check_name(const std::string& name) {
  if (!name.empty() && is_line(name, kMaxOrganisationNameBytes)) return {};
  return fail(ErrorCode::usage, N_("An organisation's name is one line of 1 to {} bytes."),
              std::to_string(kMaxOrganisationNameBytes));
}

Result<void> check_remark(const std::string& text) {
  if (is_line(text, kMaxRemarkBytes)) return {};
  return fail(ErrorCode::usage, N_("A contact or reason is one line of at most {} bytes."),
              std::to_string(kMaxRemarkBytes));
}

}  // namespace

std::string PeerHostImpl::invitation_text(const crypto::TransportPublicKey& key,
                                          std::optional<std::uint64_t> quota_bytes, UnixTime expires) const {
  constexpr std::int64_t kSecondsPerHour = 3600;
  const std::string quota = quota_bytes ? std::to_string(*quota_bytes) + " bytes, " : std::string();
  return "invitation " + invitation_id(key) + ", " + quota + "good for " +
         std::to_string((expires.seconds - clock_.now().seconds) / kSecondsPerHour) + " h";
}

// The one place that hears of all acts.
void PeerHostImpl::tell(storage::AuditAction action, const std::string& by, const std::string& organisation,
                        const std::string& detail) const {
  spdlog::info("{}: {} {}", storage::audit_action_name(action), organisation, detail);
  audit_->note({.action = action, .actor = by, .space = {}, .organisation = organisation, .detail = detail});
}

Result<std::shared_ptr<Organisation>> PeerHostImpl::named(const std::string& name) const {
  auto out = organisations_.named(name);
  if (!out)
    return fail(ErrorCode::not_found, N_("There is no organisation {} here. 'beffroi peer tenants' lists them."), name);
  return out;
}

HostedOrganisation PeerHostImpl::describe(const Organisation& organisation) const {
  HostedOrganisation out{
      .id = organisation.id(), .state = organisation.state(), .used_bytes = organisation.used_bytes()};
  for (const auto& hosted : spaces_of(organisation.id()))
    ++(hosted->kind() == storage::SpaceKind::share ? out.shares : out.stations);
  return out;
}

std::vector<HostedOrganisation> PeerHostImpl::organisations() const {
  std::vector<HostedOrganisation> out;
  for (const auto& organisation : organisations_.all()) out.push_back(describe(*organisation));
  return out;
}

Result<std::vector<PendingInvitation>> PeerHostImpl::invitations() {
  auto out = invitations_.list();
  for (PendingInvitation& invitation : out)
    if (const auto organisation = organisations_.find(invitation.organisation))
      invitation.name = organisation->state().name;
  // Revoked ones may have outlived their organisation: they are kept for their bearer only.
  std::erase_if(out, [](const PendingInvitation& invitation) { return invitation.name.empty(); });
  return out;
}

Result<std::shared_ptr<Organisation>> PeerHostImpl::organisation_for(const std::string& name,
                                                                     std::optional<std::uint64_t> quota_bytes,
                                                                     const std::optional<std::string>& contact) {
  BEFFROI_CHECK(check_name(name));
  BEFFROI_CHECK(check_remark(contact.value_or("")));
  const auto known = organisations_.named(name);
  if (!known)
    return organisations_.add(random_.fixed<OrganisationId>(),
                              {name, contact.value_or(""), quota_bytes, clock_.now(), std::nullopt, {}});
  if (quota_bytes || contact)
    return fail(ErrorCode::usage,
                N_("{} is here already: this would invite a further station of it. Quota and contact are changed by "
                   "'beffroi peer change'."),
                name);
  if (known->is_suspended())
    return fail(ErrorCode::wrong_state, N_("{} is suspended. 'beffroi peer resume' lets it store again."), name);
  return known;
}

Result<storage::Invitation> PeerHostImpl::invite(const std::string& name, std::optional<std::uint64_t> quota_bytes,
                                                 UnixTime expires, const std::string& address,
                                                 const std::optional<std::string>& contact, const std::string& by) {
  const std::lock_guard changing(changing_);
  // A crash between the two leaves an organisation without invitation, which the next start forgets.
  BEFFROI_TRY(const auto organisation, organisation_for(name, quota_bytes, contact));
  storage::Invitation out{address, public_part(), crypto::SecretBytes::random(16, random_)};
  BEFFROI_CHECK(invitations_.add(out.transport_key(), {organisation->id(), expires, {}, false}));
  tell(storage::AuditAction::invite, by, name, invitation_text(out.transport_key(), quota_bytes, expires));
  return out;
}

Result<std::string> PeerHostImpl::revoke(const std::string& invitation, const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_TRY(const InvitationState revoked, invitations_.revoke(invitation));
  const auto organisation = organisations_.find(revoked.organisation);
  if (!organisation) return std::string();
  const std::string name = organisation->state().name;
  tell(storage::AuditAction::revoke, by, name, invitation);
  BEFFROI_CHECK(forget_if_unused(*organisation));
  return name;
}

bool PeerHostImpl::is_unused(const Organisation& organisation) const {
  if (organisation.is_closed() || invitations_.has_any(organisation.id()) || !spaces_of(organisation.id()).empty())
    return false;
  return std::ranges::none_of(damaged_tenants(),
                              [&](const DamagedTenant& damaged) { return damaged.organisation == organisation.id(); });
}

Result<void> PeerHostImpl::forget_if_unused(const Organisation& organisation) {
  if (!is_unused(organisation)) return {};
  WriteBatch batch;
  organisations_.forget(batch, organisation.id());
  return database_->write(batch, storage::Durability::synced);
}

Result<void> PeerHostImpl::forget_ended() {
  const std::lock_guard changing(changing_);
  BEFFROI_CHECK(invitations_.forget_ended());
  BEFFROI_CHECK(share_invitations_.forget_ended());
  for (const auto& organisation : organisations_.all()) BEFFROI_CHECK(forget_if_unused(*organisation));
  return {};
}

Result<HostedOrganisation> PeerHostImpl::change(const std::string& name, const OrganisationChange& change,
                                                const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_TRY(const auto organisation, named(name));
  OrganisationState next = organisation->state();
  if (change.name) {
    BEFFROI_CHECK(check_name(*change.name));
    const auto other = organisations_.named(*change.name);
    if (other && other != organisation)
      return fail(ErrorCode::already_exists, N_("There is an organisation {} here already."), *change.name);
    next.name = *change.name;
  }
  if (change.contact) BEFFROI_CHECK(check_remark(*change.contact));
  next.contact = change.contact.value_or(next.contact);
  next.quota_bytes = change.quota_bytes.value_or(next.quota_bytes);
  BEFFROI_CHECK(organisations_.change(*organisation, next));
  tell(storage::AuditAction::change, by, name, next.name == name ? std::string() : next.name);
  return describe(*organisation);
}

Result<HostedOrganisation> PeerHostImpl::suspend(const std::string& name, const std::string& reason,
                                                 const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_CHECK(check_remark(reason));
  BEFFROI_TRY(const auto organisation, named(name));
  OrganisationState next = organisation->state();
  if (next.suspended) return fail(ErrorCode::wrong_state, N_("{} is suspended already."), name);
  next.suspended = clock_.now();
  next.suspended_reason = reason;
  BEFFROI_CHECK(organisations_.change(*organisation, next));
  tell(storage::AuditAction::suspend, by, name, reason);
  return describe(*organisation);
}

Result<HostedOrganisation> PeerHostImpl::resume(const std::string& name, const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_TRY(const auto organisation, named(name));
  OrganisationState next = organisation->state();
  if (!next.suspended) return fail(ErrorCode::wrong_state, N_("{} is not suspended."), name);
  if (organisation->is_closed())
    return fail(ErrorCode::wrong_state, N_("The erasure of {} has begun: it can only be finished."), name);
  BEFFROI_CHECK(call_off_erasure(*database_, organisation->id()));
  next.suspended.reset();
  next.suspended_reason.clear();
  BEFFROI_CHECK(organisations_.change(*organisation, next));
  tell(storage::AuditAction::resume, by, name);
  return describe(*organisation);
}

Result<void> PeerHostImpl::give_room_back() {
  if (!room_to_give_back_.exchange(false)) return {};
  const auto given = database_->compact();
  if (!given) room_to_give_back_ = true;
  return given;
}

}  // namespace beffroi::daemon
