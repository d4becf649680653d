// Property: rules that are accepted are the one encoding of what they say, and can be asked about any path.
#include "storage/merge/ignore.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;
using std::string_literals::operator""s;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto rules = storage::decode_ignore_rules({data, size});
  if (!rules) return 0;
  BEFFROI_ASSERT(std::ranges::equal(storage::encode_ignore_rules(*rules), ByteView(data, size)));
  const std::string path = "folder\0caf\xe9\0.~lock.rapport.odt#"s;
  const std::string* const rule = rules->ignored_by(path, false);
  BEFFROI_ASSERT(rule == nullptr || std::ranges::find(rules->patterns(), *rule) != rules->patterns().end());
  return 0;
}
