// Property: an accepted header is the one that would be written, and an accepted object has a length that could be
// sealed.
#include "storage/format/object.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto header = storage::decode_header(input);
  const auto checked = storage::check_object(input);
  if (!header) {
    BEFFROI_ASSERT(!checked);
    return 0;
  }
  Bytes encoded;
  storage::encode_header(*header, encoded);
  BEFFROI_ASSERT(encoded.size() == header->encoded_size() && std::ranges::equal(encoded, input.first(encoded.size())));
  if (checked) {
    const std::size_t payload = size - encoded.size() - crypto::kSealOverheadBytes;
    BEFFROI_ASSERT(payload >= 256 && payload == storage::padded_length(payload));
    BEFFROI_ASSERT(size <= storage::kMaxObjectBytes);
  }
  return 0;
}
