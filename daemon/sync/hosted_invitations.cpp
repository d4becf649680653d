// Who may knock at a share, what is left for its managers, and who is told that there is something new.
#include <algorithm>

#include "daemon/sync/hosted_space.h"

namespace beffroi::daemon {
namespace {

using crypto::TransportPublicKey;
using storage::SpaceKind;
using storage::SpaceLog;

constexpr std::int64_t kDaySeconds = 86'400;

bool manages(const SpaceLog& log, const DeviceId& device) {
  if (log.kind() != SpaceKind::share) return false;
  if (device == log.root().id()) return true;
  const storage::DeviceState* state = log.device(device);
  return state != nullptr && !state->removed && state->role == storage::Role::manager;
}

std::string invitation_text(const TransportPublicKey& key) { return "share invitation " + invitation_id(key); }

Error ended() {
  return {ErrorCode::refused,
          N_("This invitation was used or taken back, or has expired. Ask who sent it for a new one."),
          {}};
}

}  // namespace

Result<void> HostedSpaceImpl::check_manages(const DeviceId& device) const {
  if (manages(*shared_log(), device)) return {};
  return fail(ErrorCode::refused, N_("Only a manager of a shared folder invites others to it."));
}

// Who opened it and manages no more has its token, and nobody else: nothing good can come of it.
bool HostedSpaceImpl::is_open(const ShareInvitationState& invitation) const {
  return !invitation.closed && parts_.clock.now() <= invitation.expires && manages(*shared_log(), invitation.opened_by);
}

Result<void> HostedSpaceImpl::check_new_invitation(const TransportPublicKey& key, storage::UnixTime expires) {
  const std::int64_t seconds = expires.seconds - parts_.clock.now().seconds;
  if (seconds <= 0 || seconds > kMaxShareInvitationDays * kDaySeconds)
    return fail(ErrorCode::usage, N_("An invitation to a shared folder lasts at most {} days, by the peer's clock."),
                std::to_string(kMaxShareInvitationDays));
  if (shared_log()->key_used(key))
    return fail(ErrorCode::refused, N_("The key of this invitation is in use already: make a new invitation."));
  const auto known = parts_.share_invitations.of(space());
  const auto open = std::ranges::count_if(known, [&](const auto& entry) { return is_open(entry.second); });
  if (static_cast<std::size_t>(open) >= kMaxOpenShareInvitations)
    return fail(ErrorCode::busy, N_("{} invitations to this shared folder are open already. Take one back, or wait."),
                std::to_string(kMaxOpenShareInvitations));
  if (invitation_pace_.take(parts_.running_seconds, kMaxShareInvitationsPerHour)) return {};
  return fail(ErrorCode::busy, N_("The peer takes at most {} invitations to a shared folder an hour. Try again later."),
              std::to_string(kMaxShareInvitationsPerHour));
}

Result<void> HostedSpaceImpl::open_invitation(const DeviceId& by, const TransportPublicKey& key,
                                              storage::UnixTime expires) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(check_manages(by));
  BEFFROI_CHECK(check_active());
  if (const auto known = parts_.share_invitations.find(space(), key)) {
    // The answer may have been lost on the way.
    if (is_open(*known) && known->expires == expires) return {};
    return fail(ErrorCode::refused, N_("This invitation was opened before: make a new one."));
  }
  BEFFROI_CHECK(check_new_invitation(key, expires));
  BEFFROI_CHECK(parts_.share_invitations.put(
      space(), key, {.organisation = organisation_->id(), .opened_by = by, .expires = expires}));
  audit(storage::AuditAction::invite, actor(by), invitation_text(key));
  return {};
}

Result<void> HostedSpaceImpl::close_invitation(const DeviceId& by, const TransportPublicKey& key,
                                               const std::optional<Bytes>& refusal) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(check_manages(by));
  const auto known = parts_.share_invitations.find(space(), key);
  if (!known) return fail(ErrorCode::not_found, N_("The peer does not know this invitation."));
  const bool says_no = refusal && !known->refused;
  if (known->closed && !says_no) return {};
  BEFFROI_CHECK(parts_.share_invitations.close(space(), key, *known, says_no ? refusal : std::nullopt));
  audit(storage::AuditAction::revoke, actor(by), invitation_text(key) + (says_no ? ", refused" : ""));
  return {};
}

Result<std::vector<WaitingRequest>> HostedSpaceImpl::join_requests(const DeviceId& by) {
  BEFFROI_CHECK(check_manages(by));
  std::vector<WaitingRequest> out;
  for (const auto& [key, invitation] : parts_.share_invitations.of(space())) {
    if (!invitation.received || !is_open(invitation) || out.size() >= kMaxOpenShareInvitations) continue;
    BEFFROI_TRY(auto sealed, parts_.share_invitations.request(space(), key));
    if (sealed && sealed->size() == storage::kSealedJoinRequestBytes)
      out.push_back({key, std::move(*sealed), *invitation.received});
  }
  return out;
}

Result<void> HostedSpaceImpl::leave_request(const TransportPublicKey& key, ByteView sealed) {
  BEFFROI_TRY(const auto writing, begin_change());
  const auto known = parts_.share_invitations.find(space(), key);
  if (!known || !is_open(*known)) return std::unexpected(ended());
  if (sealed.size() != storage::kSealedJoinRequestBytes)
    return fail(ErrorCode::protocol, N_("The station sent a request to join that is none."));
  if (known->received) {
    BEFFROI_TRY(const auto left, parts_.share_invitations.request(space(), key));
    if (left && std::ranges::equal(*left, sealed)) return {};
    return fail(ErrorCode::refused,
                N_("Another request was left with this invitation: somebody else has used it, or another computer. Ask "
                   "who sent it for a new one."));
  }
  BEFFROI_CHECK(check_active());
  BEFFROI_CHECK(parts_.share_invitations.put_request(space(), key, *known, sealed));
  audit(storage::AuditAction::join_request, invitation_text(key), {});
  bell_->ring();
  return {};
}

Result<JoinAnswer> HostedSpaceImpl::join_answer(const TransportPublicKey& key) {
  using State = JoinAnswer::State;
  const auto known = parts_.share_invitations.find(space(), key);
  if (!known) return std::unexpected(ended());
  if (known->refused) {
    BEFFROI_TRY(auto refusal, parts_.share_invitations.refusal(space(), key));
    if (refusal && refusal->size() == storage::kSealedRefusalBytes)
      return JoinAnswer{State::refused, std::move(*refusal)};
  }
  return JoinAnswer{is_open(*known) ? State::waiting : State::closed, {}};
}

Result<SpaceNews> HostedSpaceImpl::news(const DeviceId& for_whom) {
  const auto log = shared_log();
  SpaceNews out{.log_length = log->records().size()};
  BEFFROI_TRY(out.newest_receipt, newest_receipt());
  if (manages(*log, for_whom)) out.requests = parts_.share_invitations.newest_request(space());
  return out;
}

std::shared_ptr<void> HostedSpaceImpl::listen(std::function<void()> rung) { return bell_->listen(std::move(rung)); }

std::string HostedSpaceImpl::actor(const DeviceId& device) const {
  return device == shared_log()->root().id() ? "root" : device_actor(device);
}

}  // namespace beffroi::daemon
