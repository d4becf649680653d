// The kit's error-correcting code: Reed-Solomon (28, 24) over GF(2^11), shortened from (2047, 2043).
//   field: polynomials over GF(2) modulo x^11 + x^2 + 1; bit i of a symbol is the coefficient of x^i; alpha = x
//   codeword c0..c27 stands for c0·X^27 + c1·X^26 + … + c27; c0..c23 are the data
//   generator: (X - alpha)(X - alpha^2)(X - alpha^3)(X - alpha^4); every codeword is a multiple of it
// (Reed, Solomon 1960.) Two codewords differ in at least 5 symbols, so 2 wrong ones have a single explanation.
// Not constant-time: it runs on words that a person types in. Internal to crypto/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace beffroi::crypto {

inline constexpr std::size_t kCodeSymbols = 28;
inline constexpr std::size_t kCodeDataSymbols = 24;
inline constexpr std::size_t kCodeMaxWrong = 2;

/// Symbols below 2^11.
using Codeword = std::array<std::uint16_t, kCodeSymbols>;

/// Sets the last 4 symbols from the first 24.
void append_checks(Codeword& word);

/// Puts `word` right by changing at most two symbols in all, those of `erased` (0-based, ascending, unique) among them:
/// their value is taken as unknown. Returns the 0-based positions that were erased or wrong, ascending; nullopt, with
/// `word` unchanged, when no codeword is that near.
std::optional<std::vector<std::size_t>> correct(Codeword& word, std::span<const std::size_t> erased);

}  // namespace beffroi::crypto
