#include "storage/space/share_invitation.h"

#include "crypto/assert.h"
#include "storage/space/code_text.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

constexpr CodeKind kCode{
    .prefix = "bfs1",
    .checksum = labels::share_invitation_check,
    .mistyped = N_("The invitation code is cut short or mistyped: copy it again, from bfs1 to its last letter.")};

bool is_time(UnixTime time) { return time.seconds >= 0 && time.seconds <= kMaxInvitationTimeSeconds; }

// Request and answer travel both ways between the same two: what one of them sealed must not pass for the other's.
crypto::SealKeys seal_keys(const crypto::SecretBytes& token, std::string_view what) {
  return {.encrypt = crypto::derive_key(labels::share_encrypt, token, as_bytes(what)),
          .nonce = crypto::derive_key(labels::share_nonce, token, as_bytes(what))};
}

std::uint8_t read_choice(CborReader& in, std::uint8_t most) {
  const auto value = static_cast<std::uint8_t>(in.uint(most));
  if (value == 0) in.reject();
  return value;
}

Result<ShareInvitation> decode_payload(ByteView payload) {
  CborReader in(payload);
  ShareInvitation out;
  in.array_of(8);
  out.address = to_string(in.bytes(kMaxAddressBytes));
  out.peer.transport = in.fixed<crypto::TransportPublicKey>();
  out.peer.sign = in.fixed<crypto::SigningPublicKey>();
  out.space = in.fixed<SpaceId>();
  const ByteView token = in.bytes(kShareTokenBytes);
  out.role = static_cast<Role>(read_choice(in, static_cast<std::uint8_t>(Role::depositor)));
  out.expires.seconds = in.integer();
  out.check = static_cast<InvitationCheck>(read_choice(in, static_cast<std::uint8_t>(InvitationCheck::code)));
  in.leave();
  if (!in.finish() || !is_address(out.address) || token.size() != kShareTokenBytes || !is_time(out.expires))
    return mistyped(kCode);
  out.token = crypto::SecretBytes::copy_of(token);
  return out;
}

}  // namespace

crypto::SecretBytes ShareInvitation::transport_seed() const { return crypto::derive_key(labels::share_knock, token); }

crypto::TransportPublicKey ShareInvitation::transport_key() const { return crypto::transport_public(transport_seed()); }

crypto::SealKeys ShareInvitation::request_keys() const { return seal_keys(token, "q"); }

crypto::SealKeys ShareInvitation::answer_keys() const { return seal_keys(token, "a"); }

crypto::SecretBytes ShareInvitation::preshared() const { return crypto::derive_key(labels::share_preshared, token); }

std::string share_invitation_code(const ShareInvitation& invitation) {
  BEFFROI_ASSERT(invitation.token.size() == kShareTokenBytes && is_address(invitation.address) &&
                 is_time(invitation.expires));
  CborWriter out;
  out.reserve(512).array(8).bytes(as_bytes(invitation.address)).bytes(invitation.peer.transport);
  out.bytes(invitation.peer.sign).bytes(invitation.space).bytes(invitation.token.view());
  out.uint(static_cast<std::uint8_t>(invitation.role)).integer(invitation.expires.seconds);
  out.uint(static_cast<std::uint8_t>(invitation.check));
  Bytes payload = out.take();
  const crypto::ScopedWipe wiped(payload);
  return code_text(kCode, payload);
}

Result<ShareInvitation> parse_share_invitation(std::string_view code) {
  BEFFROI_TRY(Bytes payload, code_payload(kCode, code));
  const crypto::ScopedWipe wiped(payload);
  return decode_payload(payload);
}

Result<void> check_usable(const ShareInvitation& invitation, const PresharedTable& preshared, UnixTime now) {
  const crypto::SecretBytes own = invitation.preshared();
  const auto came_with_it = [&](const auto& device) { return device.second == own; };
  if (std::ranges::any_of(preshared, came_with_it))
    return fail(ErrorCode::already_exists, N_("This invitation has been used: each one is for one computer."));
  if (now > invitation.expires) return fail(ErrorCode::refused, N_("This invitation has expired: make a new one."));
  return {};
}

crypto::SecretBytes founder_preshared(const crypto::SecretBytes& own, const SpaceId& space) {
  return crypto::derive_key(labels::founder_preshared, own, space);
}

crypto::DeviceKeys with_preshared(const crypto::DeviceKeys& device, crypto::SecretBytes preshared) {
  return {.sign = {.public_key = device.sign.public_key, .secret_key = device.sign.secret_key.clone()},
          .box = {.public_key = device.box.public_key, .secret_key = device.box.secret_key.clone()},
          .transport_seed = device.transport_seed.clone(),
          .preshared = std::move(preshared)};
}

}  // namespace beffroi::storage
