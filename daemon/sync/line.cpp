#include "daemon/sync/line.h"

#include <algorithm>

namespace beffroi::daemon {
namespace {

// Of a new measurement in the running mean.
constexpr std::uint64_t kNewShare = 4;
// The clock's steps are too coarse for less.
constexpr std::chrono::milliseconds kShortestMeasure{20};

}  // namespace

std::optional<std::uint64_t> Line::allowed() const {
  if (limit_.kind == UploadLimit::Kind::none || !limit_.hours.contain(clock_.now())) return std::nullopt;
  if (limit_.kind == UploadLimit::Kind::fixed) return std::max(limit_.bytes_per_second, kSlowestUploadLimit);
  if (!bytes_per_second_) return std::nullopt;
  return std::max(*bytes_per_second_ / 2, kSlowestUploadLimit);
}

void Line::carried(std::size_t bytes, std::chrono::milliseconds took, Measure measure) {
  if (took < kShortestMeasure) return;
  std::uint64_t now = std::max<std::uint64_t>(bytes * 1000 / static_cast<std::uint64_t>(took.count()), 1);
  if (!bytes_per_second_) {
    bytes_per_second_ = now;
    return;
  }
  const auto limit = allowed();
  const bool is_slower = now < *bytes_per_second_;
  if (is_slower && measure == Measure::least) return;
  // What passes under a limit is less than the line carries, unless it is much less than the limit.
  if (is_slower && limit && now >= *limit * 3 / 4) return;
  // Acknowledgements that were held up come together: one of them must not be taken for a miracle.
  now = std::min(now, 2 * *bytes_per_second_);
  bytes_per_second_ = (*bytes_per_second_ * (kNewShare - 1) + now) / kNewShare;
}

}  // namespace beffroi::daemon
