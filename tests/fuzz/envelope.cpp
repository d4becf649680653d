// Property: a signed envelope that is accepted is the one encoding of its parts.
#include "storage/space/envelope.h"

#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto envelope = storage::parse_envelope(input, size, "record");
  if (!envelope) return 0;
  const Bytes again = storage::CborWriter().array(3).uint(1).bytes(envelope->clear).bytes(envelope->signature).take();
  BEFFROI_ASSERT(std::ranges::equal(again, input));
  return 0;
}
