// Property: an accepted payload is exactly what its view says, padded; what decodes has the announced length.
#include "storage/format/codec.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

namespace {

Bytes encode(const storage::PayloadView& view) {
  const std::uint16_t reference = view.reference_child.value_or(storage::kNoReferenceChild);
  Bytes out(storage::padded_length(storage::kPayloadHeaderBytes + view.data.size()));
  out[0] = static_cast<std::uint8_t>(view.codec);
  out[2] = static_cast<std::uint8_t>(reference);
  out[3] = static_cast<std::uint8_t>(reference >> 8);
  put_le32(out.data() + 4, view.raw_length);
  put_le32(out.data() + 8, static_cast<std::uint32_t>(view.data.size()));
  std::ranges::copy(view.data, out.begin() + storage::kPayloadHeaderBytes);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto view = storage::parse_payload(input);
  if (!view) return 0;
  BEFFROI_ASSERT(std::ranges::equal(encode(*view), input));
  static const Bytes reference(5000, 'r');
  const auto raw = storage::decode_payload(*view, view->reference_child ? ByteView(reference) : ByteView());
  if (raw) BEFFROI_ASSERT(raw->size() == view->raw_length);
  return 0;
}
