#include "crypto/fold_french.h"

#include <algorithm>
#include <array>

namespace beffroi::crypto {
namespace {

struct Folding {
  std::string_view letter;
  std::string_view plain;
};

// Every accented letter of French, both cases. The combining forms are handled by dropping U+0300 to U+036F.
constexpr std::array kFoldings = {
    Folding{"à", "a"}, Folding{"â", "a"},  Folding{"ä", "a"}, Folding{"æ", "ae"}, Folding{"ç", "c"}, Folding{"é", "e"},
    Folding{"è", "e"}, Folding{"ê", "e"},  Folding{"ë", "e"}, Folding{"î", "i"},  Folding{"ï", "i"}, Folding{"ô", "o"},
    Folding{"ö", "o"}, Folding{"œ", "oe"}, Folding{"ù", "u"}, Folding{"û", "u"},  Folding{"ü", "u"}, Folding{"ÿ", "y"},
    Folding{"À", "a"}, Folding{"Â", "a"},  Folding{"Ä", "a"}, Folding{"Æ", "ae"}, Folding{"Ç", "c"}, Folding{"É", "e"},
    Folding{"È", "e"}, Folding{"Ê", "e"},  Folding{"Ë", "e"}, Folding{"Î", "i"},  Folding{"Ï", "i"}, Folding{"Ô", "o"},
    Folding{"Ö", "o"}, Folding{"Œ", "oe"}, Folding{"Ù", "u"}, Folding{"Û", "u"},  Folding{"Ü", "u"}, Folding{"Ÿ", "y"},
};

bool is_combining_mark(std::string_view pair) {
  const auto lead = static_cast<unsigned char>(pair[0]);
  const auto trail = static_cast<unsigned char>(pair[1]);
  return (lead == 0xcc && trail >= 0x80) || (lead == 0xcd && trail >= 0x80 && trail <= 0xaf);
}

// Appends what the two-byte UTF-8 sequence at the head of `rest` means; false for one that no French word has.
bool fold_pair(std::string_view rest, std::string& out) {
  if (rest.size() < 2) return false;
  const std::string_view pair = rest.substr(0, 2);
  if (is_combining_mark(pair)) return true;
  const auto* const found = std::ranges::find(kFoldings, pair, &Folding::letter);
  if (found == kFoldings.end()) return false;
  out += found->plain;
  return true;
}

}  // namespace

bool fold_french(std::string_view typed, std::string& out) {
  while (!typed.empty()) {
    const char c = typed.front();
    if (c >= 'a' && c <= 'z') {
      out.push_back(c);
    } else if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      if (!fold_pair(typed, out)) return false;
      typed.remove_prefix(1);
    }
    typed.remove_prefix(1);
  }
  return true;
}

}  // namespace beffroi::crypto
