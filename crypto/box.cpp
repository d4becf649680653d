#include "crypto/box.h"

#include <sodium.h>

#include "crypto/assert.h"
#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {
namespace {

constexpr std::size_t kCommitmentBytes = 32;
constexpr std::size_t kBoxOverheadBytes = BoxPublicKey::size_bytes + kCommitmentBytes + kTagBytes;
// The key seals one message only, so its nonce need not vary.
constexpr std::array<std::uint8_t, kNonceBytes> kZeroNonce{};

std::unexpected<Error> not_as_sealed() {
  return fail(ErrorCode::corrupt, N_("A sealed key is damaged, or was meant for another recipient."));
}

std::unexpected<Error> unknown_suite(std::uint8_t suite) {
  return fail(ErrorCode::unsupported_version,
              N_("A sealed key uses suite {}, which this version of Beffroi does not know: update Beffroi."),
              std::to_string(suite));
}

// Empty when the other side's key is of small order: the result would be the same for everyone.
SecretBytes shared_secret(const SecretBytes& own_secret, const BoxPublicKey& other) {
  ensure_sodium();
  BEFFROI_ASSERT(own_secret.size() == crypto_scalarmult_curve25519_SCALARBYTES);
  SecretBytes out(crypto_scalarmult_curve25519_BYTES);
  if (crypto_scalarmult_curve25519(out.writable().data(), own_secret.view().data(), other.data.data()) != 0) return {};
  return out;
}

SecretBytes box_key(const SecretBytes& shared, const SecretBytes& preshared, const BoxPublicKey& ephemeral,
                    const BoxPublicKey& recipient, ByteView context) {
  BEFFROI_ASSERT(preshared.size() == kPresharedBytes);
  Hash256 key = Hasher(labels::box_key, preshared.view())
                    .update(shared.view())
                    .update(ephemeral)
                    .update(recipient)
                    .update(context)
                    .finish();
  SecretBytes out = SecretBytes::copy_of(key);
  wipe(key);
  return out;
}

}  // namespace

BoxKeyPair BoxKeyPair::from_seed(const SecretBytes& seed32) {
  ensure_sodium();
  BEFFROI_ASSERT(seed32.size() == crypto_scalarmult_curve25519_SCALARBYTES);
  BoxKeyPair out{.public_key = {}, .secret_key = seed32.clone()};
  BEFFROI_ASSERT(crypto_scalarmult_curve25519_base(out.public_key.data.data(), seed32.view().data()) == 0);
  return out;
}

BoxKeyPair BoxKeyPair::generate(Random& random) {
  return from_seed(SecretBytes::random(crypto_scalarmult_curve25519_SCALARBYTES, random));
}

Result<Bytes> seal_box(std::uint8_t suite, const BoxPublicKey& recipient, const SecretBytes& preshared,
                       ByteView context, ByteView plaintext, Random& random) {
  if (suite != kBoxSuite) return unknown_suite(suite);
  if (plaintext.size() > kMaxSuiteBytes - kBoxOverheadBytes)
    return fail(ErrorCode::limit_exceeded, N_("A key of {} bytes is too long to be sealed."),
                std::to_string(plaintext.size()));
  const BoxKeyPair ephemeral = BoxKeyPair::generate(random);
  const SecretBytes shared = shared_secret(ephemeral.secret_key, recipient);
  if (shared.empty())
    return fail(ErrorCode::corrupt,
                N_("A recipient's public key is not usable: it is damaged, or made to weaken the seal."));
  const SecretBytes key = box_key(shared, preshared, ephemeral.public_key, recipient, context);
  const Hash256 commitment = keyed_hash256(labels::box_commitment, key, {});
  const Bytes sealed = aead_seal(key, kZeroNonce, context, plaintext);

  Bytes out = to_bytes(ephemeral.public_key);
  out.insert(out.end(), commitment.begin(), commitment.end());
  out.insert(out.end(), sealed.begin(), sealed.end());
  return out;
}

Result<SecretBytes> open_box(std::uint8_t suite, const BoxKeyPair& recipient, const SecretBytes& preshared,
                             ByteView context, ByteView box) {
  if (suite != kBoxSuite) return unknown_suite(suite);
  if (box.size() < kBoxOverheadBytes || box.size() > kMaxSuiteBytes) return not_as_sealed();
  const auto ephemeral = BoxPublicKey::from(box.first(BoxPublicKey::size_bytes));
  const SecretBytes shared = shared_secret(recipient.secret_key, *ephemeral);
  if (shared.empty()) return not_as_sealed();
  const SecretBytes key = box_key(shared, preshared, *ephemeral, recipient.public_key, context);
  const Hash256 commitment = keyed_hash256(labels::box_commitment, key, {});
  if (!equal_constant_time(commitment, box.subspan(BoxPublicKey::size_bytes, kCommitmentBytes))) return not_as_sealed();

  auto plaintext = aead_open(key, kZeroNonce, context, box.subspan(BoxPublicKey::size_bytes + kCommitmentBytes));
  if (!plaintext) return not_as_sealed();
  const ScopedWipe wiped(*plaintext);
  return SecretBytes::copy_of(*plaintext);
}

}  // namespace beffroi::crypto
