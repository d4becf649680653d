#include "crypto/random.h"

#include <set>

#include "vectors.h"

namespace beffroi::crypto {
namespace {

TEST(SeededRandomTest, GivesTheDocumentedStream) {
  // Other vectors (boxes, kits) and every replayed seed of a simulation rest on it.
  SeededRandom random(42);
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["seeded_random"]) {
    Bytes out(32);
    random.fill(out);
    EXPECT_EQ(out, hex(vector["output"]));
  }
}

TEST(SeededRandomTest, SeedsAreIndependent) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) seen.insert(SeededRandom(seed).below(UINT64_MAX));
  EXPECT_EQ(seen.size(), 100U);
}

TEST(RandomTest, BelowStaysBelowAndReachesEveryValue) {
  SeededRandom random(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomTest, BelowRefusesTheBiasedValues) {
  // With a bound of 3·2^62 a plain modulo would make every value below 2^62 twice as likely as the others.
  SeededRandom random(4);
  constexpr std::uint64_t kQuarter = std::uint64_t{1} << 62;
  int low = 0;
  for (int i = 0; i < 3000; ++i) low += random.below(3 * kQuarter) < kQuarter ? 1 : 0;
  EXPECT_NEAR(low, 1000, 150);
}

TEST(SystemRandomTest, TwoDrawsDiffer) {
  EXPECT_FALSE(SecretBytes::random(32, system_random()) == SecretBytes::random(32, system_random()));
}

}  // namespace
}  // namespace beffroi::crypto
