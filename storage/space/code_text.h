// Codes that people hand over: a prefix that says what it is, then bytes with a checksum, in a spelling that can be
// read aloud. Text: PREFIX ‖ "-" ‖ base32 of (payload ‖ 4 bytes of checksum), in groups of five. The checksum is the
// first bytes of BLAKE2b, under the label of that kind of code, over the payload. Internal to storage/space.
#pragma once

#include "crypto/labels.h"
#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::storage {

struct CodeKind {
  std::string_view prefix;  ///< three letters and the digit of its version
  const crypto::Label& checksum;
  const char* mistyped;  ///< what to say of a code that is none: an English gettext msgid
};
/// ErrorCode::usage.
std::unexpected<Error> mistyped(const CodeKind& kind);

/// As secret as the payload.
std::string code_text(const CodeKind& kind, ByteView payload);
/// Blanks, dashes, line breaks and case are forgiven; else mistyped(), or unsupported_version for a later version of
/// this kind. The caller wipes the payload.
Result<Bytes> code_payload(const CodeKind& kind, std::string_view text);

}  // namespace beffroi::storage
