// Property: an invitation code that is accepted has one proper spelling, which means the same.
#include "storage/space/invitation.h"

#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto invitation = storage::parse_invitation(as_text({data, size}));
  if (!invitation) return 0;
  const std::string code = storage::invitation_code(*invitation);
  const auto again = storage::parse_invitation(code);
  BEFFROI_ASSERT(again && again->address == invitation->address && again->peer == invitation->peer &&
                 again->token == invitation->token);
  BEFFROI_ASSERT(storage::invitation_code(*again) == code);
  return 0;
}
