// How a station comes to a share: it founds one, or asks to be let into one and waits. For the protocol thread.
#pragma once

#include "daemon/share/membership.h"

namespace beffroi::daemon {

/// Between two looks at whether a request was answered, or a new space can be told to the peer.
inline constexpr std::chrono::seconds kJoiningRound{15};
/// While somebody waits for it.
inline constexpr std::chrono::seconds kJoiningPatience{3};
/// So many looks in a row find an open invitation before the log is looked at all the same: a manager's station may
/// have been cut off before it closed it.
inline constexpr std::uint32_t kLooksBeforeTheLog = 8;

struct CreatedShare {
  SharePointer share;
  bool at_peer = false;  ///< false: the peer was out of reach, and is told by itself
};
/// Takes the records that the root signed (storage::found_share). refused: not of this vault's root, or not for this
/// device; wrong_state: no vault, or no peer; else what the folder or the peer says, and nothing is left of it.
asio::awaitable<Result<CreatedShare>> create_share(StationContext& station, std::vector<Bytes> records,
                                                   std::string folder);

struct JoinWish {
  std::string code;
  std::string folder;
  std::string identity_name;  ///< empty: the vault's name
  std::string device_name;    ///< empty: the machine's
  bool list_only = false;     ///< no files come into the folder before they are fetched
};
struct AskedToJoin {
  SharePointer share;
  std::string words;  ///< the six that the manager must see as well
  std::string identity_name, device_name;
};
/// Leaves a request at the peer that the code names. Twice the same is once. usage: no such code, or an unusable name
/// or folder; already_exists: this computer is in the space; refused: the peer does not know the invitation (any more).
asio::awaitable<Result<AskedToJoin>> ask_to_join(StationContext& station, JoinWish wish);
/// The six, with blanks between.
std::string words_text(const storage::ShareInvitation& invitation, const storage::JoinRequest& request);
/// The words of a request that waits.
Result<std::string> words_of_join(const StationContext& station, const PendingJoin& join);

enum class JoinState : std::uint8_t { waiting, joined, refused, closed };
/// "waiting", "joined", "refused", "closed".
const char* join_state_name(JoinState state);
/// One look. `with_log`: also when the invitation is still open. unreachable…: the peer could not be asked.
asio::awaitable<Result<JoinState>> look_after_join(StationContext& station, SharePointer share, bool with_log);

/// Looks after all that waits, until the station ends.
asio::awaitable<void> keep_joining(StationContext& station);

}  // namespace beffroi::daemon
