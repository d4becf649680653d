// Bytes like a mairie's: some that do not compress, some that do.
#pragma once

#include "crypto/random.h"

namespace beffroi::bench {

inline Bytes incompressible(std::size_t size, std::uint64_t seed = 1) {
  crypto::SeededRandom random(seed);
  Bytes out(size);
  random.fill(out);
  return out;
}

/// Sentences of a few hundred words, with numbers: about 4 to 1.
inline Bytes text(std::size_t size, std::uint64_t seed = 1) {
  crypto::SeededRandom random(seed);
  std::vector<std::string> words(400);
  for (std::string& word : words)
    for (std::uint64_t left = 2 + random.below(9); left > 0; --left) word += static_cast<char>('a' + random.below(26));
  Bytes out;
  out.reserve(size + 32);
  while (out.size() < size) {
    const std::string word =
        random.below(12) == 0 ? std::to_string(random.below(100'000)) : words[random.below(words.size())];
    out.insert(out.end(), word.begin(), word.end());
    out.push_back(random.below(10) == 0 ? '\n' : ' ');
  }
  out.resize(size);
  return out;
}

}  // namespace beffroi::bench
