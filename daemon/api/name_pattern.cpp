#include "daemon/api/name_pattern.h"

#include <cstdint>
#include <optional>

namespace beffroi::daemon {
namespace {

/// Bytes outside UTF-8 become characters that no text has.
constexpr char32_t kRawByte = 0x110000;

char32_t folded(char32_t letter) {
  if (letter >= U'A' && letter <= U'Z') return letter + 32;
  if (letter >= 0xC0 && letter <= 0xDE && letter != 0xD7) return letter + 32;  // À to Þ
  if (letter == 0x178) return 0xFF;                                            // Ÿ
  const bool upper_is_odd = (letter >= 0x139 && letter <= 0x148) || (letter >= 0x179 && letter <= 0x17E);
  if (upper_is_odd) return letter % 2 == 1 ? letter + 1 : letter;
  if (letter >= 0x100 && letter <= 0x177) return letter % 2 == 0 ? letter + 1 : letter;  // Ā to ŷ, Œ among them
  return letter;
}

/// One character from the front of `text`, which is not empty.
char32_t take(std::string_view& text) {
  const auto byte = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  const std::size_t length = first < 0x80         ? 1
                             : (first >> 5) == 6  ? 2
                             : (first >> 4) == 14 ? 3
                             : (first >> 3) == 30 ? 4
                                                  : 0;
  bool whole = length != 0 && length <= text.size();
  char32_t out = length == 1 ? first : static_cast<char32_t>(first & (0x7F >> length));
  for (std::size_t i = 1; whole && i < length; ++i) {
    whole = (byte(i) & 0xC0) == 0x80;
    out = (out << 6) | (byte(i) & 0x3F);
  }
  text.remove_prefix(whole ? length : 1);
  return whole ? folded(out) : kRawByte + first;
}

std::u32string decoded(std::string_view text) {
  std::u32string out;
  while (!text.empty()) out += take(text);
  return out;
}

/// Does the set that begins at pattern[at] ('[') hold `letter`? Moves `at` behind it. nullopt: no set, but a lone
/// bracket, as there is no ']' behind it before `sets_end`.
std::optional<bool> in_set(const std::u32string& pattern, std::size_t sets_end, std::size_t& at, char32_t letter) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == U'!' || pattern[i] == U'^');
  if (negated) ++i;
  if (i + 1 >= sets_end) return std::nullopt;  // a ']' that comes first is one of the set
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != U']'); first = false) {
    const char32_t low = pattern[i++];
    char32_t high = low;
    if (i + 1 < pattern.size() && pattern[i] == U'-' && pattern[i + 1] != U']') {
      high = pattern[i + 1];
      i += 2;
    }
    found = found || (letter >= low && letter <= high);
  }
  if (i >= pattern.size()) return std::nullopt;
  at = i + 1;
  return found != negated;
}

/// Matches one character at pattern[at], which is no star; moves `at` behind it.
bool matches_one(const std::u32string& pattern, std::size_t sets_end, std::size_t& at, char32_t letter) {
  if (pattern[at] == U'?') {
    ++at;
    return true;
  }
  if (pattern[at] == U'[') {
    if (const auto held = in_set(pattern, sets_end, at, letter)) return *held;
  }
  if (pattern[at] == U'\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == letter;
}

/// Backtracks to the last star only: no pattern takes longer than length times length.
bool matches_all(const std::u32string& pattern, std::size_t sets_end, const std::u32string& text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;
  while (t < text.size()) {
    std::size_t next = p;
    if (p < pattern.size() && pattern[p] == U'*') {
      star = ++p;
      star_text = t;
    } else if (p < pattern.size() && matches_one(pattern, sets_end, next, text[t])) {
      p = next;
      ++t;
    } else if (star) {
      p = *star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == U'*') ++p;
  return p == pattern.size();
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern)
    : pattern_(decoded(pattern)), sets_end_(pattern_.rfind(U']') + 1), whole_path_(pattern.contains('/')) {}

bool NamePattern::matches(std::string_view path) const {
  if (!whole_path_) path.remove_prefix(path.rfind('/') + 1);
  return matches_all(pattern_, sets_end_, decoded(path));
}

}  // namespace beffroi::daemon
