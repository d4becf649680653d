#include "crypto/random.h"

#include <sodium.h>

#include "crypto/assert.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    if (out.empty()) return;
    ensure_sodium();
    randombytes_buf(out.data(), out.size());
  }
};

}  // namespace

std::uint64_t Random::below(std::uint64_t bound) {
  BEFFROI_ASSERT(bound > 0);
  // Values under 2^64 mod bound are drawn again, so that every residue stands for equally many values.
  const std::uint64_t refused_below = (0 - bound) % bound;
  for (;;) {
    std::array<std::uint8_t, 8> raw{};
    fill(raw);
    const std::uint64_t value = get_le64(raw.data());
    if (value >= refused_below) return value % bound;
  }
}

Random& system_random() {
  static SystemRandom instance;
  return instance;
}

SeededRandom::SeededRandom(std::uint64_t seed) { put_le64(key_.data(), seed); }

void SeededRandom::fill(std::span<std::uint8_t> out) {
  ensure_sodium();
  std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  put_le64(nonce.data(), counter_.fetch_add(1));
  if (out.empty()) return;
  crypto_stream_chacha20(out.data(), out.size(), nonce.data(), key_.data());
}

}  // namespace beffroi::crypto
