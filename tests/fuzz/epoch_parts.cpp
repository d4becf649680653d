// The input is the plaintext of an epoch record's sealed parts, or of the names in one, as a hostile member may write
// it. Property: handed keys and names that are accepted are the one encoding of what they say; a shared part without
// its commitment never is.
#include "storage/space/epoch_parts.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

namespace {

void names(ByteView input) {
  storage::CborReader in(input);
  const storage::SpaceNames names = storage::read_names(in);
  if (!in.finish()) return;
  storage::CborWriter out;
  storage::write_names(out, names);
  BEFFROI_ASSERT(std::ranges::equal(out.view(), input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SecretBytes secret(32);
  static const crypto::SecretBytes shared_key = crypto::derive_key(crypto::labels::epoch_shared, secret);
  static const crypto::SecretBytes handed_key = crypto::derive_key(crypto::labels::reader_wrap, secret);
  names({data, size});
  constexpr std::array<std::uint8_t, crypto::kNonceBytes> kZeroNonce{};
  const storage::SpaceId space;
  storage::EpochBody body;
  body.epoch = {1'000'000};
  const Bytes context = storage::epoch_context(space, body.epoch);
  body.shared = crypto::aead_seal(shared_key, kZeroNonce, context, {data, size});
  BEFFROI_ASSERT(!storage::open_shared(space, body, secret));
  body.handed_keys = crypto::aead_seal(handed_key, kZeroNonce, context, {data, size});
  const auto handed = storage::open_handed(space, body, secret);
  if (!handed) return 0;
  const auto again = storage::seal_handed(space, body.epoch, secret, *handed);
  BEFFROI_ASSERT(again && *again == body.handed_keys);
  return 0;
}
