// Content-defined chunking that leaks no key. A public Gear hash over a 64-byte window nominates candidates (one
// position in 1,024); a candidate becomes a boundary only if SipHash-2-4 with a secret key over those 64 bytes says so.
// Cut points are therefore unpredictable without the key, at the cost of one PRF call per candidate. Normalised as
// FastCDC (Xia et al. 2016): boundaries are rarer before the normal size and more frequent behind it. (Why not keyed
// gear tables alone: broken by Truong et al. 2025 and Alexeev, Percival, Zhang 2025.)
//
// Exactly: h = 2h + gear[byte] modulo 2^64 over the 64 bytes that end at a position; gear[i] = SipHash-2-4(key = label
// gear_table, the byte i). Candidate: h < 2^54. Boundary behind the position: SipHash-2-4(key, the same 64 bytes) < T,
// with T = floor((2^64 - 1) / 256) for chunks of up to kChunkNormalBytes, and floor((2^64 - 1) / 50) for longer ones.
#pragma once

#include "crypto/bytes.h"

namespace beffroi::storage {

inline constexpr std::size_t kChunkMinBytes = 32 * 1024;
inline constexpr std::size_t kChunkNormalBytes = 96 * 1024;  ///< tuned so that the mean is about 128 KiB
inline constexpr std::size_t kChunkMaxBytes = 1024 * 1024;

/// Stateless between chunks: the next cut depends only on the bytes since the last one. Thread-safe.
class Chunker {
 public:
  /// `key16`: 16 bytes, copied into this object (derived from the boundary key: see DigestKeys::chunk_cut_key).
  explicit Chunker(ByteView key16);
  ~Chunker();
  /// Length of the first chunk of `data`, which is not empty: at most kChunkMaxBytes. All of `data` means, unless it is
  /// that long or runs to the end of the file, that the chunk may be longer.
  std::size_t next_cut(ByteView data) const;

 private:
  bool is_boundary(const std::uint8_t* window_end, std::uint64_t threshold) const;
  std::array<std::uint8_t, 16> key_;
};

}  // namespace beffroi::storage
