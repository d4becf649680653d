// The randomness seam. Production uses the operating system's generator; tests inject a seeded one.
#pragma once

#include <atomic>

#include "crypto/bytes.h"

namespace beffroi::crypto {

/// Source of random bytes. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` completely. Never fails: the process aborts if the system has no randomness.
  virtual void fill(std::span<std::uint8_t> out) = 0;

  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  template <class Fixed>
  Fixed fixed() {
    Fixed out;
    fill(out.data);
    return out;
  }
};

/// libsodium's generator. The only place outside tests where randomness comes from.
Random& system_random();

/// Deterministic bytes from a seed: tests and simulations only, never keys of real data. The n-th call to fill() (from
/// 0) gives the ChaCha20 stream of key le64(seed) ‖ 0^24 and nonce le64(n).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::array<std::uint8_t, 32> key_{};
  std::atomic<std::uint64_t> counter_ = 0;
};

}  // namespace beffroi::crypto
