// The kit's words. Internal to crypto/: use kit_word() and kit_word_index().
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace beffroi::crypto {

inline constexpr std::size_t kKitListWords = 2048;
inline constexpr std::size_t kKitWordPrefixLetters = 4;

/// Lower-case ASCII, sorted, unique in the first kKitWordPrefixLetters letters. A word's place is its 11-bit value.
extern const std::array<std::string_view, kKitListWords> kKitWordList;

}  // namespace beffroi::crypto
