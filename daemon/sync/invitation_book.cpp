#include "daemon/sync/invitation_book.h"

#include <algorithm>
#include <ctime>

namespace beffroi::daemon {
namespace {

using crypto::TransportPublicKey;
using storage::UnixTime;
using storage::WriteBatch;

constexpr std::int64_t kDaySeconds = 24 * 3600;
constexpr std::size_t kShortestIdDigits = 4;

std::string date_text(UnixTime time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "?";
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

}  // namespace

std::string invitation_id(const TransportPublicKey& key) { return key.hex().substr(0, kInvitationIdDigits); }

bool InvitationBook::forgotten(const InvitationState& state) const {
  return clock_.now().seconds > state.expires.seconds + kInvitationMemoryDays * kDaySeconds;
}

Result<void> InvitationBook::load() {
  BEFFROI_TRY(auto all, load_invitations(database_));
  {
    const std::lock_guard lock(mutex_);
    invitations_ = std::move(all);
  }
  return forget_ended();
}

Result<void> InvitationBook::forget_ended() {
  WriteBatch batch;
  std::vector<TransportPublicKey> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, state] : invitations_)
      if (forgotten(state)) ended.push_back(key);
  }
  if (ended.empty()) return {};
  for (const TransportPublicKey& key : ended) remove_invitation(batch, key);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::buffered));
  const std::lock_guard lock(mutex_);
  for (const TransportPublicKey& key : ended) invitations_.erase(key);
  return {};
}

Result<void> InvitationBook::add(const TransportPublicKey& key, const InvitationState& state) {
  WriteBatch batch;
  put_invitation(batch, key, state);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::synced));
  const std::lock_guard lock(mutex_);
  invitations_[key] = state;
  return {};
}

bool InvitationBook::knows(const TransportPublicKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = invitations_.find(key);
  return found != invitations_.end() && !forgotten(found->second);
}

Result<InvitationState> InvitationBook::use(const TransportPublicKey& key, const storage::SpaceId& space) const {
  const std::lock_guard lock(mutex_);
  const auto found = invitations_.find(key);
  if (found == invitations_.end())
    return fail(ErrorCode::refused, N_("The peer does not know this invitation. Ask the EPCI for a new one."));
  const InvitationState& state = found->second;
  // The answer to an earlier attempt may have been lost.
  if (state.used_by == space) return state;
  if (state.used_by)
    return fail(ErrorCode::refused, N_("This invitation was already used. Ask the EPCI for a new one."));
  if (state.revoked) return fail(ErrorCode::refused, N_("This invitation was revoked. Ask the EPCI for a new one."));
  if (clock_.now() > state.expires)
    return fail(ErrorCode::refused, N_("This invitation expired on {}. Ask the EPCI for a new one."),
                date_text(state.expires));
  return state;
}

void InvitationBook::mark_used(WriteBatch& batch, const TransportPublicKey& key, const storage::SpaceId& space) {
  const std::lock_guard lock(mutex_);
  const auto found = invitations_.find(key);
  if (found == invitations_.end()) return;
  // Used in memory even if the batch fails: nobody else may have it meanwhile, and this space may try again.
  found->second.used_by = space;
  put_invitation(batch, key, found->second);
}

std::vector<PendingInvitation> InvitationBook::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<PendingInvitation> out;
  for (const auto& [key, state] : invitations_)
    if (!forgotten(state))
      out.push_back(
          {invitation_id(key), state.organisation, {}, state.expires, state.used_by.has_value(), state.revoked});
  return out;
}

std::optional<OrganisationId> InvitationBook::organisation_of(const TransportPublicKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = invitations_.find(key);
  if (found == invitations_.end() || found->second.revoked) return std::nullopt;
  return found->second.organisation;
}

bool InvitationBook::has_any(const OrganisationId& organisation) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(invitations_, [&](const auto& entry) {
    return entry.second.organisation == organisation && !entry.second.revoked && !forgotten(entry.second);
  });
}

Result<std::pair<TransportPublicKey, InvitationState>> InvitationBook::revocable(const std::string& id) const {
  if (id.size() < kShortestIdDigits)
    return fail(ErrorCode::usage, N_("Give the first {} digits of the invitation's id at least."),
                std::to_string(kShortestIdDigits));
  const std::lock_guard lock(mutex_);
  auto found = invitations_.end();
  for (auto at = invitations_.begin(); at != invitations_.end(); ++at) {
    if (!at->first.hex().starts_with(id)) continue;
    if (found != invitations_.end())
      return fail(ErrorCode::usage, N_("Several invitations begin with {}: give more digits."), id);
    found = at;
  }
  if (found == invitations_.end())
    return fail(ErrorCode::not_found, N_("There is no invitation {}. 'beffroi peer tenants' lists them."), id);
  if (found->second.used_by)
    return fail(ErrorCode::wrong_state,
                N_("The invitation {} was used: a station has enrolled with it. To keep that station from storing, "
                   "suspend its organisation."),
                id);
  return *found;
}

Result<InvitationState> InvitationBook::revoke(const std::string& id) {
  BEFFROI_TRY(auto invitation, revocable(id));
  invitation.second.revoked = true;
  BEFFROI_CHECK(add(invitation.first, invitation.second));
  return invitation.second;
}

void InvitationBook::drop(const OrganisationId& organisation) {
  const std::lock_guard lock(mutex_);
  std::erase_if(invitations_, [&](const auto& entry) { return entry.second.organisation == organisation; });
}

}  // namespace beffroi::daemon
