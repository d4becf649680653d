// The input is the clear part of a receipt; the target signs it, so that the decoder gets past the signature.
// Property: a receipt that is accepted is the one encoding of what it says.
#include "storage/space/receipt.h"
#include "storage/space/envelope.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto peer = crypto::SigningKeyPair::from_seed(crypto::SecretBytes(32));
  const Bytes encoded = storage::sign_envelope(crypto::labels::sign_receipt, {data, size}, peer);
  auto receipt = storage::decode_receipt(encoded, peer.public_key);
  if (receipt) BEFFROI_ASSERT(encoded == storage::make_receipt(*receipt, peer));
  return 0;
}
