#include "daemon/sync/refusal_limit.h"

namespace beffroi::daemon {

bool RefusalLimit::take(const std::string& key, std::chrono::milliseconds now) {
  if (is_over(now)) {
    // What was left out stays until end_hour() has told of it.
    began_ = now;
    written_of_.clear();
    written_ = 0;
  }
  const auto known = written_of_.find(key);
  const bool too_many = known != written_of_.end() && known->second >= kRefusalsPerKeyAndHour;
  if (too_many || written_ >= kRefusalsPerHour) {
    ++left_out_;
    return false;
  }
  ++written_;
  ++written_of_[key];
  return true;
}

std::optional<std::uint64_t> RefusalLimit::end_hour(std::chrono::milliseconds now, bool anyway) {
  if (left_out_ == 0 || (!anyway && !is_over(now))) return std::nullopt;
  const std::uint64_t out = left_out_;
  left_out_ = 0;
  return out;
}

}  // namespace beffroi::daemon
