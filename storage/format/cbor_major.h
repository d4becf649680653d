// The parts of RFC 8949, sections 3.1 and 3.3, that CborWriter and CborReader share. Not for others.
#pragma once

#include <cstdint>

namespace beffroi::storage::cbor {

inline constexpr std::uint8_t kUnsigned = 0;
inline constexpr std::uint8_t kNegative = 1;
inline constexpr std::uint8_t kByteString = 2;
inline constexpr std::uint8_t kTextString = 3;
inline constexpr std::uint8_t kArray = 4;
inline constexpr std::uint8_t kMap = 5;
inline constexpr std::uint8_t kSimple = 7;

// Whole items: major type 7 with the value in the initial byte.
inline constexpr std::uint8_t kFalseByte = 0xF4;
inline constexpr std::uint8_t kTrueByte = 0xF5;
inline constexpr std::uint8_t kNullByte = 0xF6;

}  // namespace beffroi::storage::cbor
