// Property: an entry of the audit log that is accepted is the one encoding of what it says, and can be followed.
#include "storage/space/audit_entry.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto entry = storage::decode_audit_entry({data, size});
  if (!entry) return 0;
  BEFFROI_ASSERT(std::ranges::equal(storage::encode_audit_entry(*entry), ByteView(data, size)));
  storage::AuditChain chain(entry->counter);
  BEFFROI_ASSERT(chain.follow(*entry, storage::audit_hash({data, size})).has_value());
  return 0;
}
