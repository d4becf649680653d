// What commits, receipts, expiries and log records share: the signed outside, and the sentence for bytes from the
// future.
#pragma once

#include "crypto/sign.h"
#include "storage/format/cbor.h"

namespace beffroi::storage {

/// ErrorCode::unsupported_version: a structure of kind `what` ("commit", "log record") from a later Beffroi.
Error written_by_newer(const std::string& what);

/// Receipts, expiries and log records: CBOR [suite, clear bytes, signature], where the signature covers suite ‖ clear
/// bytes.
struct Envelope {
  ByteView clear;  ///< points into the encoded bytes
  crypto::Signature signature;
};
Bytes sign_envelope(const crypto::Label& label, ByteView clear, const crypto::SigningKeyPair& signer);
/// Parses the outside of `encoded`, which is at most `max_bytes` long. unsupported_version for an unknown suite,
/// corrupt for anything else that is not as sign_envelope makes it. The signature is not checked.
Result<Envelope> parse_envelope(ByteView encoded, std::size_t max_bytes, const std::string& what);
[[nodiscard]] bool verify_envelope(const crypto::Label& label, const Envelope& envelope,
                                   const crypto::SigningPublicKey& signer);

}  // namespace beffroi::storage
