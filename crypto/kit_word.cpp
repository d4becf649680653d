// One word of the kit: from its value, and back from what a person typed.
#include <algorithm>

#include "crypto/assert.h"
#include "crypto/fold_french.h"
#include "crypto/kit.h"
#include "crypto/kit_word_list.h"

namespace beffroi::crypto {
namespace {

// No word is longer than 8 letters; a few accents typed as combining marks come on top.
constexpr std::size_t kMaxTypedBytes = 64;

std::string_view without_blanks(std::string_view typed) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto from = typed.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return typed.substr(from, typed.find_last_not_of(kBlanks) - from + 1);
}

}  // namespace

std::string_view kit_word(std::uint16_t index) {
  BEFFROI_ASSERT(index < kKitListWords);
  return kKitWordList[index];
}

std::optional<std::uint16_t> kit_word_index(std::string_view typed) {
  typed = without_blanks(typed);
  if (typed.size() > kMaxTypedBytes) return std::nullopt;
  std::string plain;
  plain.reserve(2 * kMaxTypedBytes);
  std::optional<std::uint16_t> index;
  if (fold_french(typed, plain) && plain.size() >= kKitWordPrefixLetters) {
    const auto* const found = std::ranges::lower_bound(kKitWordList, std::string_view(plain));
    if (found != kKitWordList.end() && found->starts_with(plain))
      index = static_cast<std::uint16_t>(found - kKitWordList.begin());
  }
  wipe(plain);
  return index;
}

}  // namespace beffroi::crypto
