// Ed25519 signatures (RFC 8032) over `label ‖ message`.
#pragma once

#include "crypto/labels.h"
#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

using SigningPublicKey = FixedBytes<32, struct SigningPublicKeyTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

/// Suite of every signature; written beside each one. A later suite gets another number and a longer signature.
inline constexpr std::uint8_t kSignatureSuite = 1;

struct SigningKeyPair {
  SigningPublicKey public_key;
  SecretBytes secret_key;  ///< 64 bytes, libsodium's layout: seed ‖ public key

  static SigningKeyPair from_seed(const SecretBytes& seed32);
  static SigningKeyPair generate(Random& random);
};

Signature sign(const Label& label, const SigningKeyPair& key, ByteView message);
/// False for a wrong signature, a small-order key or a non-canonical encoding (libsodium's rules).
[[nodiscard]] bool verify(const Label& label, const SigningPublicKey& key, ByteView message,
                          const Signature& signature);

}  // namespace beffroi::crypto
