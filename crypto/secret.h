// The one type for secrets: memory that is locked, guarded, wiped and can't be printed.
#pragma once

#include "crypto/bytes.h"
#include "crypto/random.h"

namespace beffroi::crypto {

/// Owns secret bytes in sodium_malloc memory: guard pages, mlock (best effort), excluded from core dumps, zeroed on
/// destruction. Move-only; never printable; equality in constant time. An allocation costs about 20 microseconds and a
/// locked page: one per long-lived key, never one per chunk. Aborts the process when memory can't be had.
class SecretBytes {
 public:
  SecretBytes() = default;
  /// All zero.
  explicit SecretBytes(std::size_t size);
  /// Copies `bytes`; the caller wipes its own copy (see wipe()).
  static SecretBytes copy_of(ByteView bytes);
  static SecretBytes random(std::size_t size, Random& random);
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  SecretBytes clone() const { return copy_of(view()); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_, size_}; }
  std::span<std::uint8_t> writable() { return {data_, size_}; }
  /// Constant time in the contents; lengths are not secret.
  bool operator==(const SecretBytes& other) const;

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Overwrites bytes in a way that the compiler can't remove.
void wipe(std::span<std::uint8_t> bytes);
/// Overwrites the whole capacity, then empties.
void wipe(std::string& text);
void wipe(std::vector<std::string>& texts);
/// Constant-time comparison of equal-length public-or-secret byte strings; false when the lengths differ.
bool equal_constant_time(ByteView a, ByteView b);

/// Wipes a Bytes, a std::string or a std::vector<std::string> when the scope ends: for short-lived serialised secrets
/// (box plaintexts, kit words).
template <class Secret>
class ScopedWipe {
 public:
  explicit ScopedWipe(Secret& secret) : secret_(secret) {}
  ~ScopedWipe() { wipe(secret_); }
  ScopedWipe(const ScopedWipe&) = delete;
  ScopedWipe& operator=(const ScopedWipe&) = delete;

 private:
  Secret& secret_;
};

/// Turns off core dumps and ptrace attachment for this process (prctl PR_SET_DUMPABLE 0, RLIMIT_CORE 0). Call first in
/// main().
void harden_process();

}  // namespace beffroi::crypto
