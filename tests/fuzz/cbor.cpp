// Property: what the CBOR reader accepts, the writer writes byte for byte; skipping an item accepts the same inputs.
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/cbor_copy.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto copy = storage::testing::copy_cbor(input);
  if (copy) BEFFROI_ASSERT(std::ranges::equal(*copy, input));
  storage::CborReader skipping(input);
  const ByteView item = skipping.encoded();
  BEFFROI_ASSERT(skipping.finish() == copy.has_value());
  if (copy) BEFFROI_ASSERT(item.size() == size);
  return 0;
}
