// An organisation that a peer hosts (a commune, say) with one or several stations: what its spaces and sessions share.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "storage/space/record.h"

namespace beffroi::daemon {

using OrganisationId = FixedBytes<16, struct OrganisationIdTag>;

inline constexpr std::size_t kMaxOrganisationNameBytes = 255;
/// Of a contact, and of a reason.
inline constexpr std::size_t kMaxRemarkBytes = 512;
/// Sessions of one organisation's devices at a time: it must not take all places of a peer.
inline constexpr std::size_t kMaxSessionsPerOrganisation = 32;
/// Beside them, of all who were invited to it.
inline constexpr std::size_t kMaxInvitedSessions = 4;
/// Beside them, of the root of each of its spaces.
inline constexpr std::size_t kMaxRootSessions = 4;
/// In its shares, whose members may be others': of one device in one share; of all in all of them.
inline constexpr std::size_t kMaxSessionsPerShareDevice = 4;
inline constexpr std::size_t kMaxShareSessions = 128;
/// Of the roots of all its shares.
inline constexpr std::size_t kMaxShareRootSessions = 16;
/// Of who was invited to one of its shares: with one invitation; of all.
inline constexpr std::size_t kMaxKnocksPerInvitation = 2;
inline constexpr std::size_t kMaxKnocks = 16;
/// So much of a quota its shares may fill: who writes there must not keep its stations from backing up.
inline constexpr std::uint64_t kShareQuotaPercent = 90;

struct OrganisationState {
  std::string name;     ///< its operator's, unique at its peer
  std::string contact;  ///< whom the operator calls
  std::optional<std::uint64_t> quota_bytes;
  storage::UnixTime created;
  std::optional<storage::UnixTime> suspended;  ///< since
  std::string suspended_reason;
};

/// Whose seats a session takes. Each has its own: who was only invited keeps no device out, and no device keeps out the
/// root (who has stolen a machine must not be able to stop a recovery).
struct SeatOwner {
  enum class Kind : std::uint8_t {
    invited,     ///< by the peer's operator
    device,      ///< of a vault
    root,        ///< of a vault
    member,      ///< a share's device
    share_root,  ///< of a share
    knocking,    ///< with a share's invitation
  };
  Kind kind = Kind::device;
  storage::SpaceId space{};               ///< of a root or member
  std::array<std::uint8_t, 32> holder{};  ///< a member's device, or an invitation's key
  bool operator==(const SeatOwner&) const = default;
};

/// Thread-safe. Callbacks run without its lock.
class Organisation : public std::enable_shared_from_this<Organisation> {
 public:
  Organisation(const OrganisationId& id, OrganisationState state);
  const OrganisationId& id() const { return id_; }
  OrganisationState state() const;
  void set_state(OrganisationState state);
  bool is_suspended() const { return state().suspended.has_value(); }

  /// Something that lasts until the last copy is gone.
  using Hold = std::shared_ptr<void>;

  /// What one of its spaces takes; 0 when the space is gone.
  void note_used(const storage::SpaceId& space, std::uint64_t bytes);
  /// Of all its spaces, as they were last noted.
  std::uint64_t used_bytes() const;
  /// Keeps so much of the quota free for who is about to store it in a space of this kind; what is stored is to be
  /// noted before the hold goes. refused, with the sentence for the station, when the quota does not have it.
  Result<Hold> reserve(std::uint64_t more_bytes, storage::SpaceKind kind = storage::SpaceKind::vault);

  /// For a session: null when all seats of this owner are taken, or it was closed. `cut` ends the session from any
  /// thread.
  Hold take_seat(const SeatOwner& owner, std::function<void()> cut);
  std::size_t sessions() const;
  /// Cuts all sessions; from now on there are none. It is being erased.
  void close();
  bool is_closed() const;

 private:
  struct Session {
    SeatOwner owner;
    std::function<void()> cut;
  };

  std::uint64_t used_locked() const;

  const OrganisationId id_;
  mutable std::mutex mutex_;
  OrganisationState state_;
  std::map<storage::SpaceId, std::uint64_t> used_;
  std::uint64_t reserved_ = 0;
  std::list<Session> sessions_;
  bool closed_ = false;
};

/// What a station of a suspended organisation is told. `contact`: whom to call, from the peer's settings; may be empty.
Error suspension(const std::string& contact);

}  // namespace beffroi::daemon
