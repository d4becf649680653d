// Keys from passwords: Argon2id (RFC 9106) with a key commitment that is checked before anything is opened.
#pragma once

#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

inline constexpr std::size_t kPasswordSaltBytes = 16;
inline constexpr std::size_t kMaxPasswordBytes = 4096;
inline constexpr std::uint32_t kMinPasswordMemoryKib = 8 * 1024;
inline constexpr std::uint32_t kMaxPasswordMemoryKib = 1024 * 1024;
inline constexpr std::uint32_t kMaxPasswordPasses = 16;

/// Cost of a derivation, written beside what it protects. Bounded on reading: memory 8 MiB to 1 GiB, passes 1 to 16.
struct PasswordCost {
  std::uint32_t memory_kib = 256 * 1024;
  std::uint32_t passes = 3;
};

struct PasswordKey {
  SecretBytes key;                          ///< 32 bytes
  std::array<std::uint8_t, 32> commitment;  ///< public
};

/// stretched = Argon2id(password, salt, cost, one lane, 32 bytes); key = BLAKE2b-256 keyed with it, personalised
/// `password_key`; commitment likewise, personalised `password_commitment`; both over nothing.
/// ErrorCode::limit_exceeded for a cost or a password outside the bounds, corrupt for a salt that has not 16 bytes,
/// io when there is not enough memory.
Result<PasswordKey> password_key(std::string_view password, ByteView salt, PasswordCost cost);
/// The same, refused (ErrorCode::refused, "wrong password") unless the commitment matches, in constant time.
Result<SecretBytes> password_key_checked(std::string_view password, ByteView salt, PasswordCost cost,
                                         ByteView commitment);

}  // namespace beffroi::crypto
