// The recovery kit's sheet: what is printed or copied by hand once, and read when everything else is gone.
// Its texts stand here in both languages, because a sheet outlives the locale files of the version that made it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.h"

namespace beffroi::crypto {

struct KitSheet {
  std::string identity_name;       ///< shown only; put on one line, cut to 200 bytes
  std::vector<std::string> words;  ///< from kit_words(); secret: the caller wipes them
  Hash256 space_id;                ///< the vault's id, the hash of its genesis record
  std::string date;                ///< YYYY-MM-DD
};

/// What `init --kit FILE` writes and `recover --kit FILE` reads (parse_kit_text): numbered words, the space, blanks for
/// the peer's details, what to do after a loss. UTF-8. The caller wipes it. `language`: "fr" (also "fr_FR.UTF-8" and
/// the like), else English.
std::string kit_text(const KitSheet& sheet, std::string_view language);

/// The same as one A4 page to print: HTML that loads nothing from anywhere. The caller wipes it.
std::string kit_html(const KitSheet& sheet, std::string_view language);

}  // namespace beffroi::crypto
