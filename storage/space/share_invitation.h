// An invitation to a share: a code that a manager hands over out of band, and that says where the space is, which one,
// and as what one joins. Text: "bfs1-" and the spelling of code_text.h (label share_invitation_check) of CBOR [address,
// peer's transport key, peer's signing key, space id, token(16), role, expiry, kind of check]. From the token are
// derived, each under a label of its own: the transport key with which the invited station knocks at the peer, which
// knows its public half only; the keys that seal its request and the answer; the pre-shared secret of its boxes.
#pragma once

#include "crypto/cipher.h"
#include "storage/space/epoch.h"

namespace beffroi::storage {

inline constexpr std::size_t kShareTokenBytes = 16;
inline constexpr std::int64_t kMaxInvitationTimeSeconds = 253'402'300'799;  ///< the end of the year 9999

/// What a manager wants to see before it admits who comes with the code.
enum class InvitationCheck : std::uint8_t {
  words = 1,  ///< name and six words, compared by voice
  code = 2,   ///< the code alone: it was handed over in person
};

struct ShareInvitation {
  std::string address;  ///< HOST:PORT of the home peer
  PeerPublic peer;
  SpaceId space;
  crypto::SecretBytes token;  ///< kShareTokenBytes
  Role role = Role::reader;
  UnixTime expires;  ///< by the inviter's clock; the peer has its own
  InvitationCheck check = InvitationCheck::words;

  /// Ed25519 seed of the key to knock with.
  crypto::SecretBytes transport_seed() const;
  /// What the peer keeps. It also names the invitation.
  crypto::TransportPublicKey transport_key() const;
  crypto::SealKeys request_keys() const;
  crypto::SealKeys answer_keys() const;
  crypto::SecretBytes preshared() const;
};
/// Precondition (asserted): a token of kShareTokenBytes, is_address(address), 0 <= expires <=
/// kMaxInvitationTimeSeconds. As secret as the token.
std::string share_invitation_code(const ShareInvitation& invitation);
/// Blanks, dashes, line breaks and case are forgiven. usage: cut or mistyped; unsupported_version: of a later version.
Result<ShareInvitation> parse_share_invitation(std::string_view code);

/// What a manager checks before it admits somebody: refused when the invitation has expired at `now`; already_exists
/// when a device came with it before. `preshared` is that of the manager's SpaceAccess: it tells for good, for all
/// managers, and without a list of what was used.
Result<void> check_usable(const ShareInvitation& invitation, const PresharedTable& preshared, UnixTime now);

/// The pre-shared secret that a founding device or a root has in a share, from its own: members know each other's, and
/// must not learn that of a vault.
crypto::SecretBytes founder_preshared(const crypto::SecretBytes& own, const SpaceId& space);
/// The keys of `device` with another pre-shared secret: what it is in a share.
crypto::DeviceKeys with_preshared(const crypto::DeviceKeys& device, crypto::SecretBytes preshared);

}  // namespace beffroi::storage
