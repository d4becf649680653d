// Byte sequences, and fixed-size byte strings that the type system keeps apart.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beffroi {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Views the characters of `text` as bytes; no copy.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// Views bytes as characters; no copy.
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline std::string to_string(ByteView view) { return std::string(as_text(view)); }

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// Inverse of to_hex; nullopt for odd length or a character outside [0-9a-fA-F].
std::optional<Bytes> from_hex(std::string_view hex);
/// RFC 4648 base32 without padding, lower case: short enough to be read aloud. Inverse accepts both cases.
std::string to_base32(ByteView bytes);
std::optional<Bytes> from_base32(std::string_view text);

/// N bytes that mean one thing: `Tag` keeps an ObjectId from being passed as a Digest. Not for secrets.
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t size_bytes = N;
  std::array<std::uint8_t, N> data{};

  auto operator<=>(const FixedBytes&) const = default;
  ByteView view() const { return {data.data(), N}; }
  operator ByteView() const { return view(); }  // NOLINT(google-explicit-constructor): a view of itself
  std::string hex() const { return to_hex(view()); }
  bool is_zero() const {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t byte) { return byte == 0; });
  }
  /// nullopt unless exactly N bytes.
  static std::optional<FixedBytes> from(ByteView bytes) {
    if (bytes.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.data.data(), bytes.data(), N);
    return out;
  }
};

/// Little-endian integers, as in every fixed layout of the format.
inline void put_le32(std::uint8_t* out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
inline void put_le64(std::uint8_t* out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
inline std::uint32_t get_le32(const std::uint8_t* in) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | in[i];
  return value;
}
inline std::uint64_t get_le64(const std::uint8_t* in) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | in[i];
  return value;
}

}  // namespace beffroi

template <std::size_t N, class Tag>
struct std::hash<beffroi::FixedBytes<N, Tag>> {
  // The contents are digests or keys: their first bytes are already uniformly distributed.
  std::size_t operator()(const beffroi::FixedBytes<N, Tag>& value) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, value.data.data(), std::min(sizeof out, N));
    return out;
  }
};
