// What a station remembers of one share beside its log: rows of the share's own Table::state. Each is versioned CBOR,
// durable when the call returns.
#pragma once

#include "storage/space/join_request.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// An invitation that this station made. As secret as its token.
struct KeptInvitation {
  enum class State : std::uint8_t { open = 1, used = 2, refused = 3, revoked = 4 };
  storage::ShareInvitation invitation;
  storage::UnixTime made;
  State state = State::open;
  std::string applicant;  ///< name and computer of who was let in or refused
};
/// Those that are kept at once: the oldest that are not open give way.
inline constexpr std::size_t kMaxKeptInvitations = 256;
/// Of them open.
inline constexpr std::size_t kMaxOpenInvitations = 64;

/// This station asked to join and is not in the space yet.
struct PendingJoin {
  enum class State : std::uint8_t { waiting = 1, refused = 2, closed = 3 };
  storage::ShareInvitation invitation;
  std::string identity_name, device_name;  ///< display names
  storage::UnixTime asked;
  State state = State::waiting;
  std::string reason;  ///< the manager's own words
};

/// Thread-safe; changes of one row by two threads at once are in no order.
class ShareBook {
 public:
  explicit ShareBook(storage::Database& database) : database_(database) {}

  /// Absolute; nullopt: the share was never completely made.
  Result<std::optional<std::string>> folder() const;
  Result<void> set_folder(const std::string& path);
  Result<std::optional<PendingJoin>> join() const;
  Result<void> set_join(const PendingJoin& join);
  Result<void> end_join();
  /// The home peer has not heard of this space yet.
  Result<bool> peer_unaware() const;
  Result<void> set_peer_unaware(bool unaware);
  /// This station has left, or was taken out: what is here of the space goes.
  Result<bool> gone() const;
  Result<void> set_gone();

  /// Oldest first.
  Result<std::vector<KeptInvitation>> invitations() const;
  /// Adds or replaces it. limit_exceeded: kMaxOpenInvitations are open.
  Result<void> keep(const KeptInvitation& invitation);
  Result<void> drop(const storage::ShareInvitation& invitation);

 private:
  Result<std::optional<Bytes>> load(std::string_view key) const;
  Result<void> save(std::string_view key, ByteView value);
  Result<void> remove(ByteView key);
  Result<void> make_room();
  storage::Database& database_;
};

}  // namespace beffroi::daemon
