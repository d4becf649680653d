// Every key and every hash has one use, and this is the list of the uses. A label is the 16-byte BLAKE2b
// personalisation (RFC 7693, section 2.5) of the hash or key derivation, or the 16-byte prefix of a signed message.
// Never reuse or change one: a new meaning gets a new label. docs/format.md repeats this table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace beffroi::crypto {

using Label = std::array<std::uint8_t, 16>;

/// Builds a label from at most 16 ASCII characters, zero-padded.
consteval Label make_label(std::string_view text) {
  if (text.size() > 16) throw "a label has at most 16 characters";
  Label out{};
  for (std::size_t i = 0; i < text.size(); ++i) out[i] = static_cast<std::uint8_t>(text[i]);
  return out;
}

namespace labels {
// Identifiers (unkeyed hashes).
inline constexpr Label object_id = make_label("bfr1 object id");
inline constexpr Label commit_id = make_label("bfr1 commit id");
inline constexpr Label record_id = make_label("bfr1 record id");
inline constexpr Label receipt_id = make_label("bfr1 receipt id");
inline constexpr Label expiry_id = make_label("bfr1 expiry id");
inline constexpr Label loss_id = make_label("bfr1 loss id");
inline constexpr Label device_id = make_label("bfr1 device id");
inline constexpr Label part_hash = make_label("bfr1 part hash");
inline constexpr Label attributes_hash = make_label("bfr1 attributes");
// From an epoch secret.
inline constexpr Label object_encrypt = make_label("bfr1 obj encrypt");
inline constexpr Label object_nonce = make_label("bfr1 obj nonce");
inline constexpr Label commit_encrypt = make_label("bfr1 cmt encrypt");
inline constexpr Label epoch_commitment = make_label("bfr1 epoch comm");
inline constexpr Label reader_wrap = make_label("bfr1 reader wrap");
inline constexpr Label reader_check = make_label("bfr1 reader chk");
inline constexpr Label epoch_shared = make_label("bfr1 epoch share");
inline constexpr Label nonce = make_label("bfr1 siv nonce");
inline constexpr Label nonce_hash = make_label("bfr1 siv hash");
// From a space's dedup and boundary keys.
inline constexpr Label digest_chunk = make_label("bfr1 dig chunk");
inline constexpr Label digest_content = make_label("bfr1 dig content");
inline constexpr Label digest_tree = make_label("bfr1 dig tree");
inline constexpr Label boundary_chunk = make_label("bfr1 cut chunk");
inline constexpr Label boundary_tree = make_label("bfr1 cut tree");
// Key of the chunker's public Gear table (no secret).
inline constexpr Label gear_table = make_label("bfr1 gear table");
// From the kit's secret.
inline constexpr Label root_sign = make_label("bfr1 root sign");
inline constexpr Label root_box = make_label("bfr1 root box");
inline constexpr Label root_transport = make_label("bfr1 root trans");
inline constexpr Label root_preshared = make_label("bfr1 root psk");
// Boxes.
inline constexpr Label box_key = make_label("bfr1 box key");
inline constexpr Label box_commitment = make_label("bfr1 box comm");
// Passwords.
inline constexpr Label password_key = make_label("bfr1 pw key");
inline constexpr Label password_commitment = make_label("bfr1 pw comm");
// Signatures.
inline constexpr Label sign_commit = make_label("bfr1 sig commit");
inline constexpr Label sign_record = make_label("bfr1 sig record");
inline constexpr Label sign_receipt = make_label("bfr1 sig receipt");
inline constexpr Label sign_device = make_label("bfr1 sig device");
inline constexpr Label sign_expiry = make_label("bfr1 sig expiry");
inline constexpr Label sign_loss = make_label("bfr1 sig loss");
inline constexpr Label sign_enrol = make_label("bfr1 sig enrol");
// Invitation codes.
inline constexpr Label invitation_check = make_label("bfr1 inv check");
// Invitations to a share, and what is derived from their token.
inline constexpr Label share_invitation_check = make_label("bfr1 share check");
inline constexpr Label share_knock = make_label("bfr1 share knock");
inline constexpr Label share_encrypt = make_label("bfr1 share encr");
inline constexpr Label share_nonce = make_label("bfr1 share nonce");
inline constexpr Label share_preshared = make_label("bfr1 share psk");
inline constexpr Label check_words = make_label("bfr1 check words");
inline constexpr Label sign_join = make_label("bfr1 sig join");
// From a founder's own pre-shared secret.
inline constexpr Label founder_preshared = make_label("bfr1 found psk");
// A peer's audit log.
inline constexpr Label audit_entry = make_label("bfr1 audit entry");
// Local files of a station.
inline constexpr Label local_file = make_label("bfr1 local file");
}  // namespace labels

}  // namespace beffroi::crypto
