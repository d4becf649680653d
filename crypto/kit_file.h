// Reading a kit back from a text that a person copied from the sheet.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.h"
#include "crypto/identity.h"
#include "crypto/result.h"

namespace beffroi::crypto {

/// What the text holds. Move-only; wipes the words when it goes.
struct KitFile {
  std::vector<std::string> words;              ///< 28, as typed: read_kit_words() judges them
  std::optional<Hash256> space_id;             ///< the line "Espace" / "Space"
  std::string peer_name;                       ///< "Pair" / "Peer"; empty when not filled in, like the address
  std::string peer_address;                    ///< "Adresse" / "Address": HOST:PORT
  std::optional<TransportPublicKey> peer_key;  ///< "Clé" / "Key"

  KitFile() = default;
  ~KitFile() { wipe(words); }
  KitFile(KitFile&&) = default;
  KitFile& operator=(KitFile&&) = delete;
};

/// Takes the words from the lines made of numbered words ("1. abaisser  2. abandon"; "7. ?" for one that can't be
/// read), in the order of the numbers; when there is none, every word of the lines without a colon, in the order of the
/// text. Other lines are ignored but for the labelled ones, in French or English; lines that start with # or - are
/// comments. ErrorCode::usage, with a sentence that says what to mend: not 28 words, a number twice, a space, address
/// or key that can't be one; limit_exceeded over 64 KiB.
Result<KitFile> parse_kit_text(std::string_view text);

}  // namespace beffroi::crypto
