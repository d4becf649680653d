#include "storage/store/marks.h"

namespace beffroi::storage {
namespace {

constexpr int kBitsPerId = 7;
constexpr int kBitNumberBits = 9;  // a line has 512
constexpr std::uint64_t kBitNumberMask = (1U << kBitNumberBits) - 1;

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace

bool InsertionSet::contains(std::uint64_t number) const {
  const auto page = pages_.find(number / kNumbersPerPage);
  return page != pages_.end() && page->second.test(number % kNumbersPerPage);
}

bool InsertionSet::insert(std::uint64_t number) {
  auto&& bit = pages_[number / kNumbersPerPage][number % kNumbersPerPage];
  if (bit) return false;
  return bit = true;
}

IdFilter::IdFilter(std::size_t bytes, crypto::Random& random) : lines_(std::max<std::size_t>(1, bytes / sizeof(Line))) {
  std::array<std::uint8_t, 16> seed{};
  random.fill(seed);
  seed_ = {get_le64(seed.data()), get_le64(seed.data() + 8)};
}

// An id is uniform already: two of its words give two independent numbers.
IdFilter::Place IdFilter::place(const ObjectId& id) const {
  return {.line = mix(get_le64(id.data.data()) ^ seed_[0]) % lines_.size(),
          .bits = mix(get_le64(id.data.data() + 8) ^ seed_[1])};
}

bool IdFilter::contains(const ObjectId& id) const {
  auto [line, bits] = place(id);
  const auto& words = lines_[line].words;
  for (int i = 0; i < kBitsPerId; ++i, bits >>= kBitNumberBits) {
    const std::uint64_t bit = bits & kBitNumberMask;
    if ((words[bit / 64] >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

bool IdFilter::insert(const ObjectId& id) {
  auto [line, bits] = place(id);
  auto& words = lines_[line].words;
  std::uint64_t missing = 0;
  for (int i = 0; i < kBitsPerId; ++i, bits >>= kBitNumberBits) {
    const std::uint64_t bit = bits & kBitNumberMask;
    const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
    missing |= ~words[bit / 64] & mask;
    words[bit / 64] |= mask;
  }
  return missing != 0;
}

bool Marks::insert(const ObjectId& id, const ObjectInfo& info) {
  const bool fresh = is_exact(info) ? trees_.insert(info.insertion) : filter_.insert(id);
  count_ += fresh ? 1 : 0;
  return fresh;
}

}  // namespace beffroi::storage
