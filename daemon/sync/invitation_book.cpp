#include "daemon/sync/invitation_book.h"

#include <ctime>

namespace beffroi::daemon {
namespace {

using crypto::TransportPublicKey;
using storage::UnixTime;
using storage::WriteBatch;

constexpr std::int64_t kDaySeconds = 24 * 3600;

std::string date_text(UnixTime time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "?";
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

}  // namespace

bool InvitationBook::forgotten(const InvitationState& state) const {
  return clock_.now().seconds > state.expires.seconds + kInvitationMemoryDays * kDaySeconds;
}

Result<void> InvitationBook::load() {
  BEFFROI_TRY(auto all, load_invitations(database_));
  WriteBatch batch;
  for (const auto& [key, state] : all)
    if (forgotten(state)) remove_invitation(batch, key);
  std::erase_if(all, [this](const auto& entry) { return forgotten(entry.second); });
  BEFFROI_CHECK(database_.write(batch, storage::Durability::buffered));
  const std::lock_guard lock(mutex_);
  invitations_ = std::move(all);
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
      out.push_back({state.name, key, state.quota_bytes, state.expires, state.used_by.has_value()});
  return out;
}

}  // namespace beffroi::daemon
