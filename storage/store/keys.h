// Keys of the tables: fixed parts one after the other, integers big-endian so that key order is number order.
#pragma once

#include <initializer_list>

#include "storage/format/types.h"

namespace beffroi::storage {

inline Bytes join_key(std::initializer_list<ByteView> parts) {
  Bytes out;
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  out.reserve(size);
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline std::array<std::uint8_t, 8> be64(std::uint64_t value) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}
inline std::array<std::uint8_t, 4> be32(std::uint32_t value) {
  std::array<std::uint8_t, 4> out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return out;
}
/// Reads be64() back from the last eight bytes of a key; 0 for a shorter key.
inline std::uint64_t trailing_be64(ByteView key) {
  if (key.size() < 8) return 0;
  std::uint64_t value = 0;
  for (const std::uint8_t byte : key.last(8)) value = (value << 8) | byte;
  return value;
}

}  // namespace beffroi::storage
