#include "storage/format/chunker.h"

#include "crypto/assert.h"
#include "crypto/hash.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kWindowBytes = 64;
// A candidate's Gear hash has its top 10 bits zero. They depend on all 64 bytes of the window.
constexpr std::uint64_t kCandidateBelow = std::uint64_t{1} << 54;

// Of 2^64 SipHash values, how many make a candidate a boundary: 1 in 256 before the normal size and 1 in 50 behind it,
// that is one position in 262,144 and one in 51,200. With the minimum this gives a mean of 127.6 KiB on random data.
constexpr std::uint64_t kThresholdBeforeNormal = UINT64_MAX / 256;
constexpr std::uint64_t kThresholdAfterNormal = UINT64_MAX / 50;

using GearTable = std::array<std::uint64_t, 256>;

// Public constants. Entry i is SipHash-2-4 of the one byte i, keyed by the 16 bytes of the label gear_table.
const GearTable& gear_table() {
  static const GearTable table = [] {
    GearTable out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto index = static_cast<std::uint8_t>(i);
      out[i] = crypto::siphash24(crypto::labels::gear_table, ByteView(&index, 1));
    }
    return out;
  }();
  return table;
}

// The hash depends on 64 bytes only, so stretches of the data can be hashed independently of each other: four at a time
// keep the processor busy where one waits for its own last addition.
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLaneBytes = 2048;
constexpr std::size_t kBlockBytes = kLanes * kLaneBytes;

// Candidates of one block, as offsets of the windows' last bytes: of lane i from i * lane_bytes on, ascending.
struct Candidates {
  std::array<std::uint16_t, kBlockBytes> offsets;
  std::array<std::size_t, kLanes> counts;
  std::size_t lane_bytes;
};

// Hashes Lanes * lane_bytes positions from `first` on. The 63 bytes before `first` are readable.
template <std::size_t Lanes>
void nominate(const std::uint8_t* first, std::size_t lane_bytes, const GearTable& gear, Candidates& out) {
  std::array<std::uint64_t, Lanes> hash{};
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    const std::uint8_t* const start = first + lane * lane_bytes;
    for (const std::uint8_t* at = start - (kWindowBytes - 1); at < start; ++at)
      hash[lane] = (hash[lane] << 1) + gear[*at];
  }
  out.counts = {};
  out.lane_bytes = lane_bytes;
  for (std::size_t i = 0; i < lane_bytes; ++i) {
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const std::size_t offset = lane * lane_bytes + i;
      hash[lane] = (hash[lane] << 1) + gear[first[offset]];
      if (hash[lane] < kCandidateBelow) [[unlikely]]
        out.offsets[lane * lane_bytes + out.counts[lane]++] = static_cast<std::uint16_t>(offset);
    }
  }
}

void nominate_block(const std::uint8_t* first, std::size_t length, const GearTable& gear, Candidates& out) {
  if (length == kBlockBytes)
    nominate<kLanes>(first, kLaneBytes, gear, out);
  else
    nominate<1>(first, length, gear, out);
}

}  // namespace

Chunker::Chunker(ByteView key16) {
  BEFFROI_ASSERT(key16.size() == key_.size());
  std::memcpy(key_.data(), key16.data(), key_.size());
}

Chunker::~Chunker() { crypto::wipe(key_); }

bool Chunker::is_boundary(const std::uint8_t* window_end, std::uint64_t threshold) const {
  return crypto::siphash24(key_, ByteView(window_end - kWindowBytes, kWindowBytes)) < threshold;
}

std::size_t Chunker::next_cut(ByteView data) const {
  BEFFROI_ASSERT(!data.empty());
  const std::size_t limit = std::min(data.size(), kChunkMaxBytes);
  if (limit <= kChunkMinBytes) return limit;
  const GearTable& gear = gear_table();
  Candidates candidates;  // not initialised: 16 KiB that nominate_block() fills as far as they are read
  // The first possible cut is behind the byte at min - 1, whose window starts at min - 64.
  for (std::size_t start = kChunkMinBytes - 1; start < limit; start += kBlockBytes) {
    nominate_block(data.data() + start, std::min(limit - start, kBlockBytes), gear, candidates);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (std::size_t i = 0; i < candidates.counts[lane]; ++i) {
        const std::size_t cut = start + candidates.offsets[lane * candidates.lane_bytes + i] + 1;
        const std::uint64_t threshold = cut <= kChunkNormalBytes ? kThresholdBeforeNormal : kThresholdAfterNormal;
        if (is_boundary(data.data() + cut, threshold)) return cut;
      }
    }
  }
  return limit;
}

}  // namespace beffroi::storage
