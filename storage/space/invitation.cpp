#include "storage/space/invitation.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/format/cbor.h"
#include "storage/space/code_text.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

constexpr CodeKind kCode{
    .prefix = "bfr1",
    .checksum = labels::invitation_check,
    .mistyped = N_("The invitation code is cut short or mistyped: copy it again, from bfr1 to its last letter.")};

Result<Invitation> decode_payload(ByteView payload) {
  CborReader in(payload);
  Invitation out;
  in.array_of(4);
  const std::string_view address = as_text(in.bytes(kMaxAddressBytes));
  out.peer.transport = in.fixed<crypto::TransportPublicKey>();
  out.peer.sign = in.fixed<crypto::SigningPublicKey>();
  const ByteView token = in.bytes(kInvitationTokenBytes);
  in.leave();
  if (!in.finish() || !is_address(address) || token.size() != kInvitationTokenBytes) return mistyped(kCode);
  out.address = std::string(address);
  out.token = crypto::SecretBytes::copy_of(token);
  return out;
}

}  // namespace

crypto::SecretBytes Invitation::transport_seed() const { return crypto::derive_key(labels::sign_enrol, token); }

crypto::TransportPublicKey Invitation::transport_key() const { return crypto::transport_public(transport_seed()); }

std::string invitation_code(const Invitation& invitation) {
  BEFFROI_ASSERT(invitation.token.size() == kInvitationTokenBytes && is_address(invitation.address));
  CborWriter out;
  out.reserve(512).array(4).bytes(as_bytes(invitation.address)).bytes(invitation.peer.transport);
  out.bytes(invitation.peer.sign).bytes(invitation.token.view());
  Bytes payload = out.take();
  const crypto::ScopedWipe wiped(payload);
  return code_text(kCode, payload);
}

Result<Invitation> parse_invitation(std::string_view code) {
  BEFFROI_TRY(Bytes payload, code_payload(kCode, code));
  const crypto::ScopedWipe wiped(payload);
  return decode_payload(payload);
}

}  // namespace beffroi::storage
