// The input is the clear part of a declared loss; the target signs it, so that the decoder gets past the signature.
// Property: a loss that is accepted is the one encoding of what it says, and is parsed alike without its signature.
#include "storage/space/loss.h"
#include "storage/space/envelope.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto peer = crypto::SigningKeyPair::from_seed(crypto::SecretBytes(32));
  const Bytes encoded = storage::sign_envelope(crypto::labels::sign_loss, {data, size}, peer);
  auto loss = storage::decode_loss(encoded, peer.public_key);
  BEFFROI_ASSERT(loss.has_value() == storage::parse_loss(encoded).has_value());
  if (loss) BEFFROI_ASSERT(encoded == storage::make_loss(*loss, peer));
  return 0;
}
