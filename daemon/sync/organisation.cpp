#include "daemon/sync/organisation.h"

#include <algorithm>
#include <limits>

namespace beffroi::daemon {
namespace {

struct Seats {
  std::size_t of_owner = 0;
  std::size_t of_kind = 0;
};

Seats seats_of(SeatOwner::Kind kind) {
  constexpr std::size_t kNoOtherLimit = std::numeric_limits<std::size_t>::max();
  switch (kind) {
    case SeatOwner::Kind::invited:
      return {kMaxInvitedSessions, kNoOtherLimit};
    case SeatOwner::Kind::device:
      return {kMaxSessionsPerOrganisation, kNoOtherLimit};
    case SeatOwner::Kind::root:
      return {kMaxRootSessions, kNoOtherLimit};
    case SeatOwner::Kind::member:
      return {kMaxSessionsPerShareDevice, kMaxShareSessions};
    case SeatOwner::Kind::share_root:
      return {kMaxRootSessions, kMaxShareRootSessions};
    case SeatOwner::Kind::knocking:
      return {kMaxKnocksPerInvitation, kMaxKnocks};
  }
  return {};
}

// 128 bits, since a quota may be any number.
std::uint64_t share_part(std::uint64_t quota) {
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(quota) * kShareQuotaPercent / 100);
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

Result<Organisation::Hold> Organisation::reserve(std::uint64_t more_bytes, storage::SpaceKind kind) {
  const std::lock_guard lock(mutex_);
  if (more_bytes == 0) return Hold();
  const std::uint64_t used = used_locked();
  if (state_.quota_bytes && used + reserved_ + more_bytes > *state_.quota_bytes)
    return fail(ErrorCode::refused,
                N_("The space granted at the peer is full: {} of {} bytes are used. Ask the EPCI for a larger quota."),
                std::to_string(used), std::to_string(*state_.quota_bytes));
  if (kind == storage::SpaceKind::share && state_.quota_bytes &&
      used + reserved_ + more_bytes > share_part(*state_.quota_bytes))
    return fail(ErrorCode::refused,
                N_("The space granted at the peer is nearly full: {} of {} bytes are used, and the last part is kept "
                   "for backups. Ask the EPCI for a larger quota."),
                std::to_string(used), std::to_string(*state_.quota_bytes));
  reserved_ += more_bytes;
  return Hold(this, [self = shared_from_this(), more_bytes](void*) {
    const std::lock_guard releasing(self->mutex_);
    self->reserved_ -= more_bytes;
  });
}

Organisation::Hold Organisation::take_seat(const SeatOwner& owner, std::function<void()> cut) {
  const std::lock_guard lock(mutex_);
  const auto of_kind = [&](const Session& session) { return session.owner.kind == owner.kind; };
  const auto of_owner = static_cast<std::size_t>(std::ranges::count(sessions_, owner, &Session::owner));
  const auto of_all = static_cast<std::size_t>(std::ranges::count_if(sessions_, of_kind));
  const Seats seats = seats_of(owner.kind);
  if (closed_ || of_owner >= seats.of_owner || of_all >= seats.of_kind) return {};
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
