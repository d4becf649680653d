// Invitations to a share, and who asks to be let in with them: what a manager's station does. For the protocol thread.
#pragma once

#include "daemon/share/membership.h"

namespace beffroi::daemon {

inline constexpr std::int64_t kInvitationDays = 7;  ///< unless said otherwise
inline constexpr std::int64_t kMaxInvitationDays = 90;

struct InvitationFacts {
  std::string id;  ///< hexadecimal: the public half of its token's transport key
  storage::Role role = storage::Role::reader;
  storage::UnixTime made, expires;
  const char* state = "open";  ///< "open", "expired", "used", "refused", "revoked"
  std::string applicant;
};

struct MadeInvitation {
  InvitationFacts facts;
  std::string code;  ///< secret: whoever has it can ask
};
/// Draws a token, keeps the invitation, and has the peer let its bearer knock. `seconds`: how long. usage: not between
/// a minute and kMaxInvitationDays; refused: this device is no manager's; else what the peer says, and nothing is kept.
asio::awaitable<Result<MadeInvitation>> invite_to_share(StationContext& station, SharePointer share, storage::Role role,
                                                        std::int64_t seconds);
/// Of this station, oldest first. Blocking.
Result<std::vector<InvitationFacts>> invitations_of(const Share& share, storage::UnixTime now);
/// Takes an open one back, at the peer first. `id`: its beginning, 4 digits at least. not_found; usage: several fit;
/// wrong_state: it was used.
asio::awaitable<Result<InvitationFacts>> revoke_invitation(StationContext& station, SharePointer share, std::string id);

/// Somebody who waits to be let in.
struct RequestFacts {
  std::string id;    ///< of the invitation
  bool mine = true;  ///< false: another manager's station has made the invitation, and it alone can open the request
  storage::Role role = storage::Role::reader;
  storage::UnixTime received;
  std::string identity_name, device_name;  ///< the applicant's own words
  std::string device;                      ///< hexadecimal id
  std::string words;                       ///< six, with blanks between: to be compared by voice
  bool known = false;                      ///< its identity is a member already: a further computer
  std::optional<Error> problem;            ///< why it can't be let in
};
/// Asks the peer for what waits.
asio::awaitable<Result<std::vector<RequestFacts>>> requests_of(StationContext& station, SharePointer share);

/// Lets in who asks with this invitation. `words`: the six that were compared; the request is opened anew, so that
/// nobody else can be let in with them. refused: other words, or no manager; not_found: nobody waits under this id, or
/// somebody was let in with it; else as admit_member and change_share.
asio::awaitable<Result<RequestFacts>> confirm_request(StationContext& station, SharePointer share, std::string id,
                                                      std::string words);
/// Says no, with a reason for the applicant. `id` may also be an open invitation that nobody has used.
asio::awaitable<Result<InvitationFacts>> refuse_request(StationContext& station, SharePointer share, std::string id,
                                                        std::string reason);

}  // namespace beffroi::daemon
