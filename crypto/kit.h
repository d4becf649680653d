// The recovery kit: the root secret of an identity as 28 words that a person can copy from paper.
// 24 data words carry 264 bits: a version byte (1) and the 32-byte secret, most significant bit first, 11 bits a word.
// 4 check words are a Reed-Solomon code over GF(2^11) (crypto/reed_solomon.h): up to 2 wrong words are found and put
// right; more are refused. The code can't promise that: about 1 in 14,000 sets of 3 or more wrong words lies as close
// to another kit as 2 words, and reads as that one. It is never silent, for it then names two corrections, and whoever
// reads a kit compares the root's public key with the space's genesis record before it uses the secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

inline constexpr std::size_t kKitDataWords = 24;
inline constexpr std::size_t kKitCheckWords = 4;
inline constexpr std::size_t kKitWords = kKitDataWords + kKitCheckWords;
inline constexpr std::size_t kKitSecretBytes = 32;

/// The list: 2,048 French words without accents in what is stored (input may have them), told apart by their first four
/// letters.
std::string_view kit_word(std::uint16_t index);
/// Index of the word that `typed` means: accents and case are ignored, four letters suffice. nullopt when there is
/// none.
std::optional<std::uint16_t> kit_word_index(std::string_view typed);

/// The 28 words of a secret of 32 bytes. The caller wipes them.
std::vector<std::string> kit_words(const SecretBytes& secret);

struct KitReading {
  SecretBytes secret;
  /// Words that were wrong and put right, in order: 1-based position and the word it should be. At most 2. As secret as
  /// the words themselves are: for the person at the screen, never for a log.
  struct Correction {
    std::size_t position = 0;
    std::string should_be;
  };
  std::vector<Correction> corrections;
};

/// Reads words back. One or two wrong (or unknown) words are corrected and named in `corrections`.
/// ErrorCode::usage: not 28 words (the sentence says how many there are). ErrorCode::corrupt: more wrong words than can
/// be put right; the sentence names those that are in no list, by position. unsupported_version: a newer kit.
Result<KitReading> read_kit_words(const std::vector<std::string>& typed);

}  // namespace beffroi::crypto
