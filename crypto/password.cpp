#include "crypto/password.h"

#include <sodium.h>

#include "crypto/hash.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {

Result<PasswordKey> password_key(std::string_view password, ByteView salt, PasswordCost cost) {
  ensure_sodium();
  if (cost.memory_kib < kMinPasswordMemoryKib || cost.memory_kib > kMaxPasswordMemoryKib || cost.passes < 1 ||
      cost.passes > kMaxPasswordPasses)
    return fail(ErrorCode::limit_exceeded,
                N_("A password protection of {} KiB and {} passes is outside what Beffroi accepts."),
                std::to_string(cost.memory_kib), std::to_string(cost.passes));
  if (password.size() > kMaxPasswordBytes)
    return fail(ErrorCode::limit_exceeded, N_("The password is too long: at most {} bytes."),
                std::to_string(kMaxPasswordBytes));
  if (salt.size() != kPasswordSaltBytes)
    return fail(ErrorCode::corrupt, N_("A password salt has {} bytes, not {}: the file is damaged."),
                std::to_string(salt.size()), std::to_string(kPasswordSaltBytes));
  const char* const text = password.empty() ? "" : password.data();  // libsodium wants a pointer even to nothing
  SecretBytes stretched(32);
  if (crypto_pwhash_argon2id(stretched.writable().data(), stretched.size(), text, password.size(), salt.data(),
                             cost.passes, std::size_t{cost.memory_kib} * 1024,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
    return fail(ErrorCode::io,
                N_("Checking the password needs {} KiB of memory, which this machine does not have free."),
                std::to_string(cost.memory_kib));
  return PasswordKey{.key = derive_key(labels::password_key, stretched),
                     .commitment = keyed_hash256(labels::password_commitment, stretched, {})};
}

Result<SecretBytes> password_key_checked(std::string_view password, ByteView salt, PasswordCost cost,
                                         ByteView commitment) {
  BEFFROI_TRY(PasswordKey derived, password_key(password, salt, cost));
  if (!equal_constant_time(derived.commitment, commitment)) return fail(ErrorCode::refused, N_("Wrong password."));
  return std::move(derived.key);
}

}  // namespace beffroi::crypto
