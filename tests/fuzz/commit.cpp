// Property: a commit that is accepted is the one encoding of its parts, and its clear part the one encoding of what it
// says.
#include "storage/space/commit.h"

#include "storage/format/cbor.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto device = crypto::SigningKeyPair::from_seed(crypto::SecretBytes(32));
  const ByteView input(data, size);
  const auto commit = storage::decode_commit(input);
  if (!commit) return 0;
  storage::CborWriter again;
  again.array(4).uint(1).bytes(commit->clear_bytes).bytes(commit->sealed_bytes).bytes(commit->signature);
  BEFFROI_ASSERT(std::ranges::equal(again.take(), input));
  const storage::EpochKeys keys(commit->clear.epoch, crypto::SecretBytes(32));
  const auto same = storage::decode_commit(storage::make_commit(commit->clear, {}, keys, device));
  BEFFROI_ASSERT(same && same->clear_bytes == commit->clear_bytes);
  BEFFROI_ASSERT(!storage::open_commit(*commit, keys));
  return 0;
}
