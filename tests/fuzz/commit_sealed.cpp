// Property: the plaintext of a commit's sealed part that is accepted is the one encoding of what it says.
#include "storage/space/commit_sealed.h"

#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto sealed = storage::decode_commit_sealed(input);
  if (sealed) BEFFROI_ASSERT(std::ranges::equal(storage::encode_commit_sealed(*sealed), input));
  return 0;
}
