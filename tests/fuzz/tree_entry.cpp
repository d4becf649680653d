// Property: an entry as it travels to a client is encoded back byte for byte, and its paths lead nowhere outside.
#include "storage/tree/entry.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;
using namespace beffroi::storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto entry = decode_entry_logical(input);
  if (!entry) return 0;
  BEFFROI_ASSERT(std::ranges::equal(encode_entry_logical(*entry), input));
  const std::string display = to_display_path(entry->path) + "/";
  BEFFROI_ASSERT(display.find("/../") == std::string::npos && display.find("/./") == std::string::npos);
  BEFFROI_ASSERT(to_entry_path(to_display_path(entry->path)) == entry->path);
  return 0;
}
