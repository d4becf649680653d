#include "crypto/reed_solomon.h"

#include "vectors.h"

namespace beffroi::crypto {
namespace {

Codeword random_codeword(Random& random) {
  Codeword word{};
  for (std::size_t i = 0; i < kCodeDataSymbols; ++i) word[i] = static_cast<std::uint16_t>(random.below(2048));
  append_checks(word);
  return word;
}

// Another symbol than the one that is there.
void damage(Codeword& word, std::size_t position, Random& random) {
  word[position] = static_cast<std::uint16_t>(word[position] ^ (1 + random.below(2047)));
}

TEST(ReedSolomonTest, EveryOneOrTwoWrongSymbolsArePutRight) {
  SeededRandom random(1);
  for (std::size_t i = 0; i < kCodeSymbols; ++i)
    for (std::size_t j = i; j < kCodeSymbols; ++j) {
      const Codeword original = random_codeword(random);
      Codeword word = original;
      damage(word, i, random);
      if (j != i) damage(word, j, random);
      const auto positions = correct(word, {});
      ASSERT_TRUE(positions.has_value()) << i << ' ' << j;
      EXPECT_EQ(word, original);
      EXPECT_EQ(*positions, (i == j ? std::vector{i} : std::vector{i, j}));
    }
}

TEST(ReedSolomonTest, ErasedSymbolsArePutRightAndNamedEvenWhenTheyHappenToBeRight) {
  SeededRandom random(2);
  for (std::size_t i = 0; i < kCodeSymbols; ++i)
    for (std::size_t j = i + 1; j < kCodeSymbols; ++j) {
      const Codeword original = random_codeword(random);
      Codeword word = original;
      word[i] = 0;
      const std::vector erased{i, j};
      const auto positions = correct(word, erased);
      ASSERT_TRUE(positions.has_value()) << i << ' ' << j;
      EXPECT_EQ(word, original);
      EXPECT_EQ(*positions, erased);

      word = original;
      word[i] = 0;
      damage(word, j, random);
      const auto mixed = correct(word, std::vector{i});  // one erased, one wrong
      ASSERT_TRUE(mixed.has_value()) << i << ' ' << j;
      EXPECT_EQ(word, original);
    }
}

TEST(ReedSolomonTest, ACodewordIsLeftAlone) {
  SeededRandom random(3);
  Codeword word = random_codeword(random);
  const Codeword original = word;
  EXPECT_EQ(correct(word, {}), std::vector<std::size_t>{});
  EXPECT_EQ(word, original);
}

TEST(ReedSolomonTest, ARefusedWordIsLeftAsItWas) {
  SeededRandom random(4);
  Codeword word = random_codeword(random);
  for (const std::size_t position : {1UL, 5UL, 9UL}) damage(word, position, random);
  const Codeword damaged = word;
  ASSERT_EQ(correct(word, {}), std::nullopt);
  EXPECT_EQ(word, damaged);
  EXPECT_EQ(correct(word, std::vector<std::size_t>{1, 5, 9}), std::nullopt);  // three erasures: more than is promised
}

}  // namespace
}  // namespace beffroi::crypto
