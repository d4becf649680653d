// Property: an invitation to a share that is accepted has one proper spelling, which means the same.
#include "storage/space/share_invitation.h"

#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto invitation = storage::parse_share_invitation(as_text({data, size}));
  if (!invitation) return 0;
  const std::string code = storage::share_invitation_code(*invitation);
  const auto again = storage::parse_share_invitation(code);
  BEFFROI_ASSERT(again && again->address == invitation->address && again->peer == invitation->peer &&
                 again->space == invitation->space && again->token == invitation->token &&
                 again->role == invitation->role && again->expires == invitation->expires &&
                 again->check == invitation->check);
  BEFFROI_ASSERT(storage::share_invitation_code(*again) == code);
  return 0;
}
