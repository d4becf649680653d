#include "crypto/reed_solomon.h"

#include <algorithm>

#include "crypto/assert.h"

namespace beffroi::crypto {
namespace {

using Symbol = std::uint16_t;

constexpr unsigned kFieldSize = 2048;
constexpr unsigned kGroupOrder = kFieldSize - 1;
constexpr unsigned kFieldPolynomial = 0x805;  // x^11 + x^2 + 1, primitive
constexpr std::size_t kChecks = kCodeSymbols - kCodeDataSymbols;

struct FieldTables {
  std::array<Symbol, kGroupOrder> power{};     // power[i] = alpha^i
  std::array<Symbol, kFieldSize> logarithm{};  // logarithm[power[i]] = i; logarithm[0] is never read
};

constexpr FieldTables make_tables() {
  FieldTables tables;
  unsigned value = 1;
  for (unsigned i = 0; i < kGroupOrder; ++i) {
    tables.power[i] = static_cast<Symbol>(value);
    tables.logarithm[value] = static_cast<Symbol>(i);
    value <<= 1;
    if (value & kFieldSize) value ^= kFieldPolynomial;
  }
  return tables;
}

constexpr FieldTables kTables = make_tables();

constexpr Symbol alpha_power(std::size_t exponent) { return kTables.power[exponent % kGroupOrder]; }
constexpr Symbol add(Symbol a, Symbol b) { return a ^ b; }  // and subtract
constexpr Symbol multiply(Symbol a, Symbol b) {
  if (a == 0 || b == 0) return 0;
  return alpha_power(std::size_t{kTables.logarithm[a]} + kTables.logarithm[b]);
}
constexpr Symbol divide(Symbol a, Symbol b) {
  if (a == 0) return 0;
  return alpha_power(std::size_t{kTables.logarithm[a]} + kGroupOrder - kTables.logarithm[b]);
}

// Coefficients of the generator below its leading 1, highest power first.
constexpr std::array<Symbol, kChecks> make_generator() {
  std::array<Symbol, kChecks + 1> product{1};
  for (std::size_t root = 1; root <= kChecks; ++root)
    for (std::size_t i = root; i > 0; --i) product[i] = add(product[i], multiply(product[i - 1], alpha_power(root)));
  std::array<Symbol, kChecks> out{};
  for (std::size_t i = 0; i < kChecks; ++i) out[i] = product[i + 1];
  return out;
}

constexpr auto kGenerator = make_generator();

// The word's value at alpha^1 .. alpha^4: all zero for a codeword.
using Syndromes = std::array<Symbol, kChecks>;

Syndromes syndromes_of(const Codeword& word) {
  Syndromes out{};
  for (std::size_t j = 0; j < kChecks; ++j)
    for (const Symbol symbol : word) out[j] = add(multiply(out[j], alpha_power(j + 1)), symbol);
  return out;
}

struct Repair {
  std::size_t position;
  Symbol difference;
};

// alpha^(power of X at this position): an error e here adds e·locator^j to the j-th syndrome.
Symbol locator(std::size_t position) { return alpha_power(kCodeSymbols - 1 - position); }

// Whether exactly these differences explain the syndromes.
bool explains(const Syndromes& syndromes, std::span<const Repair> repairs) {
  Syndromes rest = syndromes;
  for (const Repair& repair : repairs) {
    Symbol term = repair.difference;
    for (Symbol& syndrome : rest) {
      term = multiply(term, locator(repair.position));
      syndrome = add(syndrome, term);
    }
  }
  return rest == Syndromes{};
}

std::vector<Repair> solve_one(const Syndromes& syndromes, std::size_t position) {
  return {{position, divide(syndromes[0], locator(position))}};
}

// Solves S1 = aX + bY, S2 = aX² + bY² for the differences a and b at the positions with locators X and Y.
std::vector<Repair> solve_two(const Syndromes& syndromes, std::size_t first, std::size_t second) {
  const Symbol x = locator(first);
  const Symbol y = locator(second);
  const auto difference = [&](Symbol own, Symbol other) {
    return divide(add(syndromes[1], multiply(syndromes[0], other)), multiply(own, add(own, other)));
  };
  return {{first, difference(x, y)}, {second, difference(y, x)}};
}

// Tries every set of at most two positions that holds the erased ones, smallest first; with three erased ones there is
// none. 407 sets: a general decoder (Berlekamp-Massey, Forney) would be longer and harder to trust.
std::optional<std::vector<Repair>> find_repairs(const Syndromes& syndromes, std::span<const std::size_t> erased) {
  const auto covers = [&](std::initializer_list<std::size_t> positions) {
    return std::ranges::all_of(erased,
                               [&](std::size_t e) { return std::ranges::find(positions, e) != positions.end(); });
  };
  if (erased.empty() && explains(syndromes, {})) return std::vector<Repair>{};
  for (std::size_t i = 0; i < kCodeSymbols; ++i) {
    if (!covers({i})) continue;
    if (auto repairs = solve_one(syndromes, i); explains(syndromes, repairs)) return repairs;
  }
  for (std::size_t i = 0; i < kCodeSymbols; ++i)
    for (std::size_t j = i + 1; j < kCodeSymbols; ++j) {
      if (!covers({i, j})) continue;
      if (auto repairs = solve_two(syndromes, i, j); explains(syndromes, repairs)) return repairs;
    }
  return std::nullopt;
}

}  // namespace

void append_checks(Codeword& word) {
  std::array<Symbol, kChecks> remainder{};  // of data · X^4 divided by the generator, highest power first
  for (std::size_t i = 0; i < kCodeDataSymbols; ++i) {
    const Symbol lead = add(word[i], remainder[0]);
    for (std::size_t j = 0; j + 1 < kChecks; ++j) remainder[j] = add(remainder[j + 1], multiply(lead, kGenerator[j]));
    remainder[kChecks - 1] = multiply(lead, kGenerator[kChecks - 1]);
  }
  std::ranges::copy(remainder, word.begin() + kCodeDataSymbols);
}

std::optional<std::vector<std::size_t>> correct(Codeword& word, std::span<const std::size_t> erased) {
  const auto repairs = find_repairs(syndromes_of(word), erased);
  if (!repairs) return std::nullopt;
  std::vector<std::size_t> positions;
  for (const Repair& repair : *repairs) {
    word[repair.position] = add(word[repair.position], repair.difference);
    positions.push_back(repair.position);
  }
  BEFFROI_ASSERT(syndromes_of(word) == Syndromes{});
  return positions;
}

}  // namespace beffroi::crypto
