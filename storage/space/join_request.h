// What an invited station leaves at the peer for the managers of a share, who may be away for days. Sealed under keys
// of the invitation's token: the peer, which has only its public half, can neither read it nor put another in its
// place. Sealed form: crypto::seal (request_keys of the invitation, associated data: space id) of kJoinRequestBytes
// bytes, of which the plaintext is le32(length) ‖ envelope ‖ zeros. Envelope (envelope.h, label sign_join, signed by
// the device): CBOR [space id, invitation's transport key, identity root's keys, device's keys, suite, certificate,
// identity's name, device's name]. So the device itself binds its keys to space and token.
#pragma once

#include "storage/space/share_invitation.h"

namespace beffroi::storage {

/// Plaintext and sealed length of every request, whatever the names are.
inline constexpr std::size_t kJoinRequestBytes = 1024;
inline constexpr std::size_t kSealedJoinRequestBytes = kJoinRequestBytes + crypto::kSealOverheadBytes;
/// The same of an answer.
inline constexpr std::size_t kRefusalBytes = 512;
inline constexpr std::size_t kSealedRefusalBytes = kRefusalBytes + crypto::kSealOverheadBytes;
inline constexpr std::size_t kMaxReasonBytes = 400;
inline constexpr std::size_t kCheckWords = 6;

/// Who asks to join, as it says itself. The names are its own words: nothing but the check words says that they are
/// true.
struct JoinRequest {
  crypto::DevicePublic root;      ///< of its identity
  crypto::DevicePublic device;    ///< that of its vault
  crypto::Signature certificate;  ///< by `root` over the device id, as in the vault's log
  std::string identity_name;      ///< is_display_name
  std::string device_name;        ///< is_display_name
};
/// The request of a device in use of `vault`, which holds its certificate: joining needs no kit. not_found: no such
/// device; usage: a name that is no display name.
Result<JoinRequest> join_request_of(const SpaceLog& vault, const DeviceId& device, const std::string& identity_name,
                                    const std::string& device_name);

/// Deterministic: asking twice gives the same bytes. Precondition (asserted): display names, and `signer` is the
/// device's.
Bytes seal_join_request(const ShareInvitation& invitation, const JoinRequest& request,
                        const crypto::SigningKeyPair& signer);
/// On the manager's station that kept the token. corrupt: not sealed under this invitation for this space, or not
/// well-formed, not signed by its device, not certified by its root. Whether the invitation may still be used:
/// check_usable.
Result<JoinRequest> open_join_request(const ShareInvitation& invitation, ByteView sealed);

/// Six words of the kit's list: 66 bits of BLAKE2b keyed with the token (label check_words) over space id ‖ root's keys
/// ‖ device's keys, most significant bit first. The same on both sides only when both have the same keys.
std::array<std::string_view, kCheckWords> check_words(const ShareInvitation& invitation, const JoinRequest& request);

/// A manager says no, with a reason (one line, cut to kMaxReasonBytes); a yes is said by the log. Sealed form: as a
/// request, with answer_keys; its plaintext is le32(length) ‖ CBOR [suite, reason] ‖ zeros, kRefusalBytes long.
Bytes seal_refusal(const ShareInvitation& invitation, std::string_view reason);
/// The reason. corrupt when it was not sealed under this invitation.
Result<std::string> open_refusal(const ShareInvitation& invitation, ByteView sealed);

}  // namespace beffroi::storage
