#include "storage/space/join_request.h"

#include "crypto/assert.h"
#include "crypto/kit.h"
#include "storage/space/audit_entry.h"
#include "storage/space/envelope.h"
#include "storage/space/record_body.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

const char* const kWhat = N_("request to join");
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kWordBits = 11;

std::unexpected<Error> not_of_this_invitation() {
  return fail(ErrorCode::corrupt, N_("What came under this invitation was changed on its way, or is for another one."));
}

// le32(length) ‖ content ‖ zeros: all of one length, so that it tells nothing.
Bytes padded(ByteView content, std::size_t size) {
  BEFFROI_ASSERT(kLengthBytes + content.size() <= size);
  Bytes out(size);
  put_le32(out.data(), static_cast<std::uint32_t>(content.size()));
  std::ranges::copy(content, out.begin() + kLengthBytes);
  return out;
}

std::optional<ByteView> without_padding(ByteView bytes, std::size_t size) {
  if (bytes.size() != size) return std::nullopt;
  const std::size_t length = get_le32(bytes.data());
  if (length > size - kLengthBytes) return std::nullopt;
  const ByteView padding = bytes.subspan(kLengthBytes + length);
  if (std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
  return bytes.subspan(kLengthBytes, length);
}

Bytes clear_part(const ShareInvitation& invitation, const JoinRequest& request) {
  CborWriter out;
  out.array(8).bytes(invitation.space).bytes(invitation.transport_key());
  write_device_public(out, request.root);
  write_device_public(out, request.device);
  out.uint(crypto::kSignatureSuite).bytes(request.certificate);
  out.text(request.identity_name).text(request.device_name);
  return out.take();
}

Result<JoinRequest> read_clear_part(const ShareInvitation& invitation, ByteView clear) {
  CborReader in(clear);
  BodyDecoding decoding{in};
  JoinRequest out;
  in.array_of(8);
  const auto space = in.fixed<SpaceId>();
  const auto knock = in.fixed<crypto::TransportPublicKey>();
  out.root = read_device_public(decoding);
  out.device = read_device_public(decoding);
  if (in.uint() != crypto::kSignatureSuite) in.reject();
  out.certificate = in.fixed<crypto::Signature>();
  out.identity_name = std::string(in.text(kMaxDisplayNameBytes));
  out.device_name = std::string(in.text(kMaxDisplayNameBytes));
  in.leave();
  if (decoding.newer && !in.failed()) return std::unexpected(written_by_newer(kWhat));
  if (!in.finish() || space != invitation.space || knock != invitation.transport_key()) return not_of_this_invitation();
  if (!is_display_name(out.identity_name) || !is_display_name(out.device_name)) return not_of_this_invitation();
  return out;
}

}  // namespace

Result<JoinRequest> join_request_of(const SpaceLog& vault, const DeviceId& device, const std::string& identity_name,
                                    const std::string& device_name) {
  if (!is_display_name(identity_name) || !is_display_name(device_name))
    return fail(ErrorCode::usage, N_("A name that others see is one line of 1 to {} bytes."),
                std::to_string(kMaxDisplayNameBytes));
  for (const Record& record : vault.records()) {
    const auto* body = std::get_if<DeviceBody>(&record.body);
    if (body == nullptr || body->device.id() != device || vault.device(device)->removed) continue;
    return JoinRequest{.root = vault.members().at(body->identity).root,
                       .device = body->device,
                       .certificate = body->certificate,
                       .identity_name = identity_name,
                       .device_name = device_name};
  }
  return fail(ErrorCode::not_found, N_("Device {} is not in use in its own vault."), device.hex());
}

Bytes seal_join_request(const ShareInvitation& invitation, const JoinRequest& request,
                        const crypto::SigningKeyPair& signer) {
  BEFFROI_ASSERT(is_display_name(request.identity_name) && is_display_name(request.device_name) &&
                 signer.public_key == request.device.sign);
  const Bytes envelope = sign_envelope(labels::sign_join, clear_part(invitation, request), signer);
  return crypto::seal(invitation.request_keys(), invitation.space, padded(envelope, kJoinRequestBytes));
}

Result<JoinRequest> open_join_request(const ShareInvitation& invitation, ByteView sealed) {
  if (sealed.size() != kSealedJoinRequestBytes) return not_of_this_invitation();
  const auto plaintext = crypto::open(invitation.request_keys(), invitation.space, sealed);
  if (!plaintext) return not_of_this_invitation();
  const auto content = without_padding(*plaintext, kJoinRequestBytes);
  if (!content) return not_of_this_invitation();
  BEFFROI_TRY(const Envelope envelope, parse_envelope(*content, kJoinRequestBytes, kWhat));
  BEFFROI_TRY(JoinRequest request, read_clear_part(invitation, envelope.clear));
  if (!verify_envelope(labels::sign_join, envelope, request.device.sign)) return not_of_this_invitation();
  if (!crypto::verify(labels::sign_device, request.root.sign, request.device.id(), request.certificate))
    return not_of_this_invitation();
  return request;
}

std::array<std::string_view, kCheckWords> check_words(const ShareInvitation& invitation, const JoinRequest& request) {
  const crypto::Hash256 hash = crypto::Hasher(labels::check_words, invitation.token.view())
                                   .update(invitation.space)
                                   .update(request.root.encode())
                                   .update(request.device.encode())
                                   .finish();
  std::array<std::string_view, kCheckWords> out;
  std::size_t bit = 0;
  for (std::string_view& word : out) {
    std::uint16_t index = 0;
    for (std::size_t i = 0; i < kWordBits; ++i, ++bit)
      index = static_cast<std::uint16_t>(index << 1 | (hash[bit / 8] >> (7 - bit % 8) & 1));
    word = crypto::kit_word(index);
  }
  return out;
}

Bytes seal_refusal(const ShareInvitation& invitation, std::string_view reason) {
  const Bytes content = CborWriter().array(2).uint(kFormatSuite).text(audit_text(reason, kMaxReasonBytes)).take();
  return crypto::seal(invitation.answer_keys(), invitation.space, padded(content, kRefusalBytes));
}

Result<std::string> open_refusal(const ShareInvitation& invitation, ByteView sealed) {
  if (sealed.size() != kSealedRefusalBytes) return not_of_this_invitation();
  const auto plaintext = crypto::open(invitation.answer_keys(), invitation.space, sealed);
  if (!plaintext) return not_of_this_invitation();
  const auto content = without_padding(*plaintext, kRefusalBytes);
  if (!content) return not_of_this_invitation();
  CborReader in(*content);
  in.array_of(2);
  if (in.uint() != kFormatSuite) in.reject();
  const std::string reason(in.text(kMaxReasonBytes));
  in.leave();
  if (!in.finish() || audit_text(reason, kMaxReasonBytes) != reason) return not_of_this_invitation();
  return reason;
}

}  // namespace beffroi::storage
