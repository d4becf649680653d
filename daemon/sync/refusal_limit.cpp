#include "daemon/sync/refusal_limit.h"

namespace beffroi::daemon {

namespace {

std::uint32_t count(const std::map<std::string, std::uint32_t>& written, const std::string& name) {
  const auto found = written.find(name);
  return found == written.end() ? 0 : found->second;
}

}  // namespace

bool RefusalLimit::take(const std::string& key, const std::string& organisation, std::chrono::milliseconds now) {
  if (is_over(now)) {
    // What was left out stays until end_hour() has told of it.
    began_ = now;
    written_of_.clear();
    written_of_organisation_.clear();
    written_ = 0;
  }
  const bool is_known = !organisation.empty();
  if (written_ >= kRefusalsPerHour || count(written_of_, key) >= kRefusalsPerKeyAndHour ||
      (is_known && count(written_of_organisation_, organisation) >= kRefusalsPerOrganisationAndHour)) {
    ++left_out_;
    return false;
  }
  ++written_;
  ++written_of_[key];
  if (is_known) ++written_of_organisation_[organisation];
  return true;
}

std::optional<std::uint64_t> RefusalLimit::end_hour(std::chrono::milliseconds now, bool anyway) {
  if (left_out_ == 0 || (!anyway && !is_over(now))) return std::nullopt;
  const std::uint64_t out = left_out_;
  left_out_ = 0;
  return out;
}

}  // namespace beffroi::daemon
