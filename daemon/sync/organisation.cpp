#include "daemon/sync/organisation.h"

#include <algorithm>

namespace beffroi::daemon {
namespace {

std::size_t seats_of(const SeatOwner& owner) {
  switch (owner.kind) {
    case SeatOwner::Kind::invited:
      return kMaxInvitedSessions;
    case SeatOwner::Kind::device:
      return kMaxSessionsPerOrganisation;
    case SeatOwner::Kind::root:
      return kMaxRootSessions;
  }
  return 0;
}

}  // namespace

Organisation::Organisation(const OrganisationId& id, OrganisationState state) : id_(id), state_(std::move(state)) {}

OrganisationState Organisation::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Organisation::set_state(OrganisationState state) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

void Organisation::note_used(const storage::SpaceId& space, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes == 0)
    used_.erase(space);
  else
    used_[space] = bytes;
}

std::uint64_t Organisation::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_locked();
}

std::uint64_t Organisation::used_locked() const {
  std::uint64_t out = 0;
  for (const auto& [space, bytes] : used_) out += bytes;
  return out;
}

Result<Organisation::Hold> Organisation::reserve(std::uint64_t more_bytes) {
  const std::lock_guard lock(mutex_);
  if (more_bytes == 0) return Hold();
  const std::uint64_t used = used_locked();
  if (state_.quota_bytes && used + reserved_ + more_bytes > *state_.quota_bytes)
    return fail(ErrorCode::refused,
                N_("The space granted at the peer is full: {} of {} bytes are used. Ask the EPCI for a larger quota."),
                std::to_string(used), std::to_string(*state_.quota_bytes));
  reserved_ += more_bytes;
  return Hold(this, [self = shared_from_this(), more_bytes](void*) {
    const std::lock_guard releasing(self->mutex_);
    self->reserved_ -= more_bytes;
  });
}

Organisation::Hold Organisation::take_seat(const SeatOwner& owner, std::function<void()> cut) {
  const std::lock_guard lock(mutex_);
  const auto taken = static_cast<std::size_t>(std::ranges::count(sessions_, owner, &Session::owner));
  if (closed_ || taken >= seats_of(owner)) return {};
  const auto place = sessions_.insert(sessions_.end(), Session{.owner = owner, .cut = std::move(cut)});
  return Hold(this, [self = shared_from_this(), place](void*) {
    const std::lock_guard leaving(self->mutex_);
    self->sessions_.erase(place);
  });
}

std::size_t Organisation::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

void Organisation::close() {
  std::list<Session> open;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    open = sessions_;
  }
  for (const Session& session : open) session.cut();
}

bool Organisation::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

Error suspension(const std::string& contact) {
  if (contact.empty())
    return {ErrorCode::refused,
            N_("The EPCI has suspended this organisation: nothing new is stored at the peer, all that is there can be "
               "restored. Call the EPCI."),
            {}};
  return {ErrorCode::refused,
          N_("The EPCI has suspended this organisation: nothing new is stored at the peer, all that is there can be "
             "restored. Call the EPCI: {}."),
          {contact}};
}

}  // namespace beffroi::daemon
