// BLAKE2b (RFC 7693) with a label as personalisation: domain-separated hashing, keyed digests and key derivation.
#pragma once

#include "crypto/labels.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

using Hash256 = std::array<std::uint8_t, 32>;

/// Incremental BLAKE2b-256. One object per message; not thread-safe; movable state of 384 bytes, no allocation.
class Hasher {
 public:
  explicit Hasher(const Label& label);
  /// Keyed: `key` has 16 to 64 bytes.
  Hasher(const Label& label, ByteView key);
  ~Hasher();
  Hasher& update(ByteView data);
  /// Appends le64(length) and the data, so that concatenated fields can't be confused.
  Hasher& update_field(ByteView data);
  Hash256 finish();

 private:
  alignas(64) std::array<std::uint8_t, 384> state_;
};

Hash256 hash256(const Label& label, ByteView data);
Hash256 keyed_hash256(const Label& label, const SecretBytes& key, ByteView data);
/// 24-byte output: SIV nonces.
std::array<std::uint8_t, 24> keyed_hash192(const Label& label, const SecretBytes& key,
                                           std::initializer_list<ByteView> parts);

/// A 32-byte subkey: keyed BLAKE2b-256 over `context`, personalised by `label`.
SecretBytes derive_key(const Label& label, const SecretBytes& parent, ByteView context = {});

/// SipHash-2-4 (Aumasson, Bernstein 2012), the PRF behind chunk and tree boundaries. `key` has 16 bytes.
std::uint64_t siphash24(ByteView key, ByteView data);

}  // namespace beffroi::crypto
