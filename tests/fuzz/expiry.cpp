// The input is the clear part of an expiry; the target signs it, so that the decoder gets past the signature.
// Property: an expiry that is accepted is the one encoding of what it says.
#include "storage/space/expiry.h"
#include "storage/space/envelope.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto peer = crypto::SigningKeyPair::from_seed(crypto::SecretBytes(32));
  const Bytes encoded = storage::sign_envelope(crypto::labels::sign_expiry, {data, size}, peer);
  auto expiry = storage::decode_expiry(encoded, peer.public_key);
  if (expiry) BEFFROI_ASSERT(encoded == storage::make_expiry(*expiry, peer));
  return 0;
}
