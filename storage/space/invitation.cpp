#include "storage/space/invitation.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/format/cbor.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

constexpr std::string_view kPrefix = "bfr1";
constexpr std::string_view kPrefixOfAll = "bfr";
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kGroupCharacters = 5;
constexpr std::size_t kMaxCodeCharacters = 4096;

ByteView checksum(const crypto::Hash256& hash) { return ByteView(hash).first(kChecksumBytes); }

std::unexpected<Error> mistyped() {
  return fail(ErrorCode::usage,
              N_("The invitation code is cut short or mistyped: copy it again, from bfr1 to its last letter."));
}

// The code without blanks and dashes, in lower case. The caller wipes it.
std::string compact(std::string_view code) {
  std::string out;
  out.reserve(code.size());
  for (const char c : code) {
    const bool skipped = c == '-' || c == ' ' || (c >= '\t' && c <= '\r');
    if (!skipped) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

Result<Invitation> decode_payload(ByteView payload) {
  CborReader in(payload);
  Invitation out;
  in.array_of(4);
  const std::string_view address = as_text(in.bytes(kMaxAddressBytes));
  out.peer.transport = in.fixed<crypto::TransportPublicKey>();
  out.peer.sign = in.fixed<crypto::SigningPublicKey>();
  const ByteView token = in.bytes(kInvitationTokenBytes);
  in.leave();
  if (!in.finish() || !is_address(address) || token.size() != kInvitationTokenBytes) return mistyped();
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
  const crypto::Hash256 hash = crypto::hash256(labels::invitation_check, payload);
  payload.insert(payload.end(), checksum(hash).begin(), checksum(hash).end());
  const std::string digits = to_base32(payload);
  std::string code(kPrefix);
  for (std::size_t i = 0; i < digits.size(); i += kGroupCharacters) code += "-" + digits.substr(i, kGroupCharacters);
  return code;
}

Result<Invitation> parse_invitation(std::string_view code) {
  if (code.size() > kMaxCodeCharacters) return mistyped();
  std::string digits = compact(code);
  const crypto::ScopedWipe wiped(digits);
  const std::string_view all(digits);
  if (!all.starts_with(kPrefix)) {
    const bool newer = all.starts_with(kPrefixOfAll) && all.size() > kPrefix.size() && all[3] >= '2' && all[3] <= '9';
    if (newer) return std::unexpected(written_by_newer(N_("invitation code")));
    return mistyped();
  }
  auto payload = from_base32(all.substr(kPrefix.size()));
  if (!payload || payload->size() <= kChecksumBytes) return mistyped();
  const crypto::ScopedWipe wiped_payload(*payload);
  const ByteView content = ByteView(*payload).first(payload->size() - kChecksumBytes);
  const crypto::Hash256 hash = crypto::hash256(labels::invitation_check, content);
  if (!std::ranges::equal(checksum(hash), ByteView(*payload).last(kChecksumBytes))) return mistyped();
  return decode_payload(content);
}

}  // namespace beffroi::storage
