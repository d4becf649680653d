// Property: a control message that is taken is written back byte for byte.
#include "daemon/sync/messages.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto message = daemon::decode_message(input);
  if (message) BEFFROI_ASSERT(std::ranges::equal(daemon::encode_message(*message), input));
  return 0;
}
