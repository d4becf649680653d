// Property: a device's request that is accepted is the one encoding of what it says.
#include "storage/space/ceremony.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto request = storage::DeviceRequest::decode(input);
  if (request) BEFFROI_ASSERT(std::ranges::equal(request->encode().view(), input));
  return 0;
}
