#include "daemon/sync/share_invitation_book.h"

#include <algorithm>

#include "daemon/sync/peer_host.h"

namespace beffroi::daemon {

using crypto::TransportPublicKey;
using storage::SpaceId;
using storage::WriteBatch;

Result<void> ShareInvitationBook::load() {
  BEFFROI_TRY(const auto all, load_share_invitations(database_));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [place, state] : all) keep(place.first, place.second, state);
  }
  return forget_ended();
}

Result<void> ShareInvitationBook::forget_ended() {
  constexpr std::int64_t kDaySeconds = 86'400;
  const std::int64_t oldest = clock_.now().seconds - kInvitationMemoryDays * kDaySeconds;
  std::map<SpaceId, std::vector<TransportPublicKey>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [space, invitations] : invitations_)
      for (const auto& [key, state] : invitations)
        if (state.ends().seconds < oldest) ended[space].push_back(key);
  }
  for (const auto& [space, keys] : ended) BEFFROI_CHECK(forget(space, keys));
  return {};
}

Result<void> ShareInvitationBook::forget(const SpaceId& space, const std::vector<TransportPublicKey>& keys) {
  WriteBatch batch;
  for (const TransportPublicKey& key : keys) remove_share_invitation(batch, space, key);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::buffered));
  const std::lock_guard lock(mutex_);
  for (const TransportPublicKey& key : keys) erase(space, key);
  return {};
}

bool ShareInvitationBook::knows(const TransportPublicKey& key) const {
  const std::lock_guard lock(mutex_);
  return spaces_of_.contains(key);
}

std::optional<OrganisationId> ShareInvitationBook::organisation_of(const TransportPublicKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = spaces_of_.find(key);
  if (found == spaces_of_.end()) return std::nullopt;
  return invitations_.at(*found->second.begin()).at(key).organisation;
}

std::optional<ShareInvitationState> ShareInvitationBook::find(const SpaceId& space,
                                                              const TransportPublicKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto of_space = invitations_.find(space);
  if (of_space == invitations_.end()) return std::nullopt;
  const auto found = of_space->second.find(key);
  return found == of_space->second.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::pair<TransportPublicKey, ShareInvitationState>> ShareInvitationBook::of(const SpaceId& space) const {
  const std::lock_guard lock(mutex_);
  const auto found = invitations_.find(space);
  if (found == invitations_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::uint64_t ShareInvitationBook::newest_request(const SpaceId& space) const {
  const std::lock_guard lock(mutex_);
  const auto found = newest_requests_.find(space);
  return found == newest_requests_.end() ? 0 : found->second;
}

Result<void> ShareInvitationBook::write(WriteBatch& batch, const SpaceId& space, const TransportPublicKey& key,
                                        const ShareInvitationState& state) {
  put_share_invitation(batch, space, key, state);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::synced));
  const std::lock_guard lock(mutex_);
  keep(space, key, state);
  return {};
}

Result<void> ShareInvitationBook::put(const SpaceId& space, const TransportPublicKey& key,
                                      const ShareInvitationState& state) {
  BEFFROI_CHECK(make_room(space, key));
  WriteBatch batch;
  return write(batch, space, key, state);
}

Result<void> ShareInvitationBook::put_request(const SpaceId& space, const TransportPublicKey& key,
                                              ShareInvitationState state, ByteView sealed) {
  state.received = clock_.now();
  state.request_number = newest_request(space) + 1;
  WriteBatch batch;
  put_join_letter(batch, JoinLetter::request, space, key, sealed);
  return write(batch, space, key, state);
}

Result<void> ShareInvitationBook::close(const SpaceId& space, const TransportPublicKey& key, ShareInvitationState state,
                                        const std::optional<Bytes>& refusal) {
  if (!state.closed) state.closed = clock_.now();
  state.refused = state.refused || refusal.has_value();
  WriteBatch batch;
  remove_join_letter(batch, JoinLetter::request, space, key);
  if (refusal) put_join_letter(batch, JoinLetter::refusal, space, key, *refusal);
  return write(batch, space, key, state);
}

Result<std::optional<Bytes>> ShareInvitationBook::request(const SpaceId& space, const TransportPublicKey& key) const {
  return join_letter(database_, JoinLetter::request, space, key);
}

Result<std::optional<Bytes>> ShareInvitationBook::refusal(const SpaceId& space, const TransportPublicKey& key) const {
  return join_letter(database_, JoinLetter::refusal, space, key);
}

// What is open is fewer than what is kept: so one that has ended goes.
Result<void> ShareInvitationBook::make_room(const SpaceId& space, const TransportPublicKey& key) {
  const auto known = of(space);
  const auto is_this = [&](const auto& invitation) { return invitation.first == key; };
  if (known.size() < kMaxKeptShareInvitations || std::ranges::any_of(known, is_this)) return {};
  const auto first_to_end = std::ranges::min_element(
      known, {}, [](const auto& invitation) { return std::pair(!invitation.second.closed, invitation.second.ends()); });
  return forget(space, {first_to_end->first});
}

void ShareInvitationBook::keep(const SpaceId& space, const TransportPublicKey& key, const ShareInvitationState& state) {
  invitations_[space][key] = state;
  spaces_of_[key].insert(space);
  std::uint64_t& newest = newest_requests_[space];
  newest = std::max(newest, state.request_number);
}

void ShareInvitationBook::erase(const SpaceId& space, const TransportPublicKey& key) {
  const auto of_space = invitations_.find(space);
  if (of_space == invitations_.end() || of_space->second.erase(key) == 0) return;
  if (of_space->second.empty()) invitations_.erase(of_space);
  auto& spaces = spaces_of_[key];
  spaces.erase(space);
  if (spaces.empty()) spaces_of_.erase(key);
}

void ShareInvitationBook::drop(const OrganisationId& organisation) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<SpaceId, TransportPublicKey>> gone;
  for (const auto& [space, invitations] : invitations_)
    for (const auto& [key, state] : invitations)
      if (state.organisation == organisation) gone.emplace_back(space, key);
  for (const auto& [space, key] : gone) {
    erase(space, key);
    newest_requests_.erase(space);
  }
}

}  // namespace beffroi::daemon
