#include "crypto/hash.h"

#include <sodium.h>

#include "crypto/assert.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {
namespace {

using State = crypto_generichash_blake2b_state;
static_assert(sizeof(State) == 384 && alignof(State) <= 64, "Hasher::state_ must hold libsodium's state");

State* as_state(std::array<std::uint8_t, 384>& bytes) { return reinterpret_cast<State*>(bytes.data()); }

void init_state(State* state, const Label& label, ByteView key, std::size_t output_bytes) {
  ensure_sodium();
  BEFFROI_ASSERT(key.empty() || (key.size() >= 16 && key.size() <= crypto_generichash_blake2b_KEYBYTES_MAX));
  constexpr std::array<std::uint8_t, crypto_generichash_blake2b_SALTBYTES> kNoSalt{};
  const int outcome = crypto_generichash_blake2b_init_salt_personal(
      state, key.empty() ? nullptr : key.data(), key.size(), output_bytes, kNoSalt.data(), label.data());
  BEFFROI_ASSERT(outcome == 0);
}

}  // namespace

Hasher::Hasher(const Label& label) { init_state(as_state(state_), label, {}, 32); }

Hasher::Hasher(const Label& label, ByteView key) {
  BEFFROI_ASSERT(!key.empty());  // a forgotten key must not become an unkeyed hash
  init_state(as_state(state_), label, key, 32);
}

Hasher::~Hasher() { sodium_memzero(state_.data(), state_.size()); }

Hasher& Hasher::update(ByteView data) {
  if (!data.empty()) crypto_generichash_blake2b_update(as_state(state_), data.data(), data.size());
  return *this;
}

Hasher& Hasher::update_field(ByteView data) {
  std::array<std::uint8_t, 8> length{};
  put_le64(length.data(), data.size());
  return update(length).update(data);
}

Hash256 Hasher::finish() {
  Hash256 out{};
  BEFFROI_ASSERT(crypto_generichash_blake2b_final(as_state(state_), out.data(), out.size()) == 0);
  return out;
}

Hash256 hash256(const Label& label, ByteView data) { return Hasher(label).update(data).finish(); }

Hash256 keyed_hash256(const Label& label, const SecretBytes& key, ByteView data) {
  return Hasher(label, key.view()).update(data).finish();
}

std::array<std::uint8_t, 24> keyed_hash192(const Label& label, const SecretBytes& key,
                                           std::initializer_list<ByteView> parts) {
  BEFFROI_ASSERT(!key.empty());
  State state;
  std::array<std::uint8_t, 24> out{};
  init_state(&state, label, key.view(), out.size());
  for (const ByteView part : parts)
    if (!part.empty()) crypto_generichash_blake2b_update(&state, part.data(), part.size());
  BEFFROI_ASSERT(crypto_generichash_blake2b_final(&state, out.data(), out.size()) == 0);
  sodium_memzero(&state, sizeof state);
  return out;
}

SecretBytes derive_key(const Label& label, const SecretBytes& parent, ByteView context) {
  Hash256 derived = keyed_hash256(label, parent, context);
  SecretBytes out = SecretBytes::copy_of(derived);
  wipe(derived);
  return out;
}

std::uint64_t siphash24(ByteView key, ByteView data) {
  BEFFROI_ASSERT(key.size() == crypto_shorthash_siphash24_KEYBYTES);
  std::array<std::uint8_t, crypto_shorthash_siphash24_BYTES> out{};
  const std::uint8_t nothing = 0;  // libsodium wants a pointer even to nothing
  crypto_shorthash_siphash24(out.data(), data.empty() ? &nothing : data.data(), data.size(), key.data());
  return get_le64(out.data());
}

}  // namespace beffroi::crypto
