// The input is the clear part of a request to join, or the plaintext of a refusal, as somebody who has the invitation
// may write it; the target signs as the golden station and seals. Property: what is accepted is the one encoding of
// what it says.
#include "storage/space/join_request.h"

#include "storage/space/envelope.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

namespace {

// That of tests/vectors/storage/share.json.
const storage::ShareInvitation& golden_invitation() {
  static const storage::ShareInvitation invitation = [] {
    storage::ShareInvitation out;
    out.address = "peer.example:8440";
    out.token = crypto::SecretBytes(storage::kShareTokenBytes);
    for (std::size_t i = 0; i < out.token.size(); ++i) out.token.writable()[i] = static_cast<std::uint8_t>(i);
    for (std::size_t i = 0; i < out.space.data.size(); ++i) out.space.data[i] = static_cast<std::uint8_t>(i);
    return out;
  }();
  return invitation;
}

crypto::SigningKeyPair golden_station() {
  const auto seed = from_hex("d21029bc82fb15c78ede99380c1f3ce1938b091fd06d7f7e3429d2778bedde44");
  return crypto::SigningKeyPair::from_seed(crypto::SecretBytes::copy_of(*seed));
}

void request(ByteView clear, const crypto::SigningKeyPair& station) {
  const storage::ShareInvitation& invitation = golden_invitation();
  const Bytes envelope = storage::sign_envelope(crypto::labels::sign_join, clear, station);
  if (envelope.size() > storage::kJoinRequestBytes - 4) return;
  Bytes plaintext(storage::kJoinRequestBytes);
  put_le32(plaintext.data(), static_cast<std::uint32_t>(envelope.size()));
  std::ranges::copy(envelope, plaintext.begin() + 4);
  const Bytes sealed = crypto::seal(invitation.request_keys(), invitation.space, plaintext);
  const auto opened = storage::open_join_request(invitation, sealed);
  if (opened) BEFFROI_ASSERT(storage::seal_join_request(invitation, *opened, station) == sealed);
}

void refusal(ByteView plaintext) {
  const storage::ShareInvitation& invitation = golden_invitation();
  const Bytes sealed = crypto::seal(invitation.answer_keys(), invitation.space, plaintext);
  const auto reason = storage::open_refusal(invitation, sealed);
  if (reason) BEFFROI_ASSERT(storage::seal_refusal(invitation, *reason) == sealed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SigningKeyPair station = golden_station();
  request({data, size}, station);
  refusal({data, size});
  return 0;
}
