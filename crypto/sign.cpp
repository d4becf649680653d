#include "crypto/sign.h"

#include <sodium.h>

#include "crypto/assert.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {
namespace {

// Ed25519 reads its message twice, so label and message have to lie in one place.
Bytes labelled(const Label& label, ByteView message) {
  Bytes out;
  out.reserve(label.size() + message.size());
  out.insert(out.end(), label.begin(), label.end());
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace

SigningKeyPair SigningKeyPair::from_seed(const SecretBytes& seed32) {
  ensure_sodium();
  BEFFROI_ASSERT(seed32.size() == crypto_sign_ed25519_SEEDBYTES);
  SigningKeyPair out{.public_key = {}, .secret_key = SecretBytes(crypto_sign_ed25519_SECRETKEYBYTES)};
  BEFFROI_ASSERT(crypto_sign_ed25519_seed_keypair(out.public_key.data.data(), out.secret_key.writable().data(),
                                                  seed32.view().data()) == 0);
  return out;
}

SigningKeyPair SigningKeyPair::generate(Random& random) {
  return from_seed(SecretBytes::random(crypto_sign_ed25519_SEEDBYTES, random));
}

Signature sign(const Label& label, const SigningKeyPair& key, ByteView message) {
  ensure_sodium();
  BEFFROI_ASSERT(key.secret_key.size() == crypto_sign_ed25519_SECRETKEYBYTES);
  const Bytes text = labelled(label, message);
  Signature out;
  BEFFROI_ASSERT(crypto_sign_ed25519_detached(out.data.data(), nullptr, text.data(), text.size(),
                                              key.secret_key.view().data()) == 0);
  return out;
}

bool verify(const Label& label, const SigningPublicKey& key, ByteView message, const Signature& signature) {
  ensure_sodium();
  const Bytes text = labelled(label, message);
  return crypto_sign_ed25519_verify_detached(signature.data.data(), text.data(), text.size(), key.data.data()) == 0;
}

}  // namespace beffroi::crypto
