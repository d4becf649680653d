// An invitation code: how a station finds a peer and how the peer knows the station, handed over out of band.
// Text: "bfr1-" ‖ base32 of (CBOR [address, peer transport key, peer signing key, token(16)] ‖ 4 bytes of checksum), in
// groups of five. Checksum: the first bytes of BLAKE2b (label invitation_check) over the CBOR. The token derives (label
// sign_enrol) the transport key with which the station first connects: a peer lets unknown keys no further than the
// handshake.
#pragma once

#include "storage/space/record.h"

namespace beffroi::storage {

inline constexpr std::size_t kInvitationTokenBytes = 16;

struct Invitation {
  std::string address;  ///< HOST:PORT
  PeerPublic peer;
  crypto::SecretBytes token;  ///< 16 bytes

  /// Ed25519 seed of the bearer's transport key.
  crypto::SecretBytes transport_seed() const;
  /// What the peer keeps: the public half is enough to recognise the bearer.
  crypto::TransportPublicKey transport_key() const;
};
/// As secret as the token. Precondition (asserted): a token of 16 bytes, is_address(address).
std::string invitation_code(const Invitation& invitation);
/// Blanks, dashes, line breaks and case are forgiven. ErrorCode::usage with a sentence when the code is cut or
/// mistyped; unsupported_version for a code of a later version.
Result<Invitation> parse_invitation(std::string_view code);

}  // namespace beffroi::storage
