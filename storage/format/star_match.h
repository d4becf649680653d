// Globs: the matcher that all kinds of them share, whatever their items are (characters of a name, components of a
// path) and whatever else they know beside stars.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace beffroi::storage {

/// How many items one step takes of both sides.
struct StarStep {
  std::size_t pattern = 0;  ///< 0: no match
  std::size_t text = 0;
};

/// The classical matcher with one point of return: linear for one star, never worse than length times length. (What an
/// earlier star could take more of, the last one can too.) `is_star(i)`: pattern item i matches any run; `match(i, j)`:
/// the StarStep for pattern item i, which is no star, at text item j; `swallow(j)`: how many items of the text a star
/// takes at once.
template <class IsStar, class Match, class Swallow>
bool match_with_stars(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Match match, Swallow swallow) {
  std::size_t i = 0, j = 0;
  std::optional<std::pair<std::size_t, std::size_t>> back;
  while (j < text_size || i < pattern_size) {
    if (i < pattern_size && is_star(i)) {
      back = {++i, j};
      continue;
    }
    const StarStep step = i < pattern_size && j < text_size ? match(i, j) : StarStep{};
    if (step.pattern > 0) {
      i += step.pattern;
      j += step.text;
      continue;
    }
    if (!back || back->second >= text_size) return false;
    i = back->first;
    back->second += swallow(back->second);
    j = back->second;
  }
  return true;
}

}  // namespace beffroi::storage
