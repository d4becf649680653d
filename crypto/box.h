// A box: a short secret sealed for one recipient, bound to a context, with key commitment. Suite 1.
//   ephemeral X25519 key pair (e, E); shared = X25519(e, R)
//   key  = BLAKE2b-256 keyed with the recipient's pre-shared secret (32 bytes), personalised `box_key`,
//          over shared ‖ E ‖ R ‖ context
//   comm = BLAKE2b-256 keyed with key, personalised `box_commitment`, over nothing
//   box  = E(32) ‖ comm(32) ‖ XChaCha20-Poly1305(key, nonce = 0^24, aad = context, plaintext)
// The key is used once (fresh E), hence the zero nonce. The commitment is checked before the cipher is opened.
#pragma once

#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

using BoxPublicKey = FixedBytes<32, struct BoxPublicKeyTag>;

inline constexpr std::uint8_t kBoxSuite = 1;
inline constexpr std::size_t kPresharedBytes = 32;
/// No box, key or signature of any suite is longer.
inline constexpr std::size_t kMaxSuiteBytes = std::size_t{16} * 1024;

struct BoxKeyPair {
  BoxPublicKey public_key;
  SecretBytes secret_key;  ///< 32 bytes

  /// The seed is the X25519 scalar itself (RFC 7748 clamps it on use), so secret_key equals the seed.
  static BoxKeyPair from_seed(const SecretBytes& seed32);
  static BoxKeyPair generate(Random& random);
};

/// `context` binds what the box is for (space, epoch, recipient); the opener must give the same bytes.
Result<Bytes> seal_box(std::uint8_t suite, const BoxPublicKey& recipient, const SecretBytes& preshared,
                       ByteView context, ByteView plaintext, Random& random);
/// ErrorCode::unsupported_version for a suite not known here, ErrorCode::corrupt for anything not as sealed.
Result<SecretBytes> open_box(std::uint8_t suite, const BoxKeyPair& recipient, const SecretBytes& preshared,
                             ByteView context, ByteView box);

}  // namespace beffroi::crypto
