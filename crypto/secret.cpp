#include "crypto/secret.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <utility>

#include "crypto/assert.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  if (size == 0) return;
  ensure_sodium();
  data_ = static_cast<std::uint8_t*>(sodium_malloc(size));
  BEFFROI_ASSERT(data_ != nullptr);
  std::memset(data_, 0, size);
}

SecretBytes SecretBytes::copy_of(ByteView bytes) {
  SecretBytes out(bytes.size());
  std::ranges::copy(bytes, out.writable().begin());
  return out;
}

SecretBytes SecretBytes::random(std::size_t size, Random& random) {
  SecretBytes out(size);
  random.fill(out.writable());
  return out;
}

// sodium_free wipes before it unmaps.
SecretBytes::~SecretBytes() { sodium_free(data_); }

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  sodium_free(data_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

bool SecretBytes::operator==(const SecretBytes& other) const { return equal_constant_time(view(), other.view()); }

void wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) sodium_memzero(bytes.data(), bytes.size());
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // what a longer, earlier content left behind goes too
  sodium_memzero(text.data(), text.size());
  text.clear();
}

void wipe(std::vector<std::string>& texts) {
  for (auto& text : texts) wipe(text);
  texts.clear();
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void harden_process() {
  const rlimit no_core{0, 0};
  BEFFROI_ASSERT(setrlimit(RLIMIT_CORE, &no_core) == 0);
  BEFFROI_ASSERT(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

}  // namespace beffroi::crypto
