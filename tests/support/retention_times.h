// Points in time and branches for the tests of retention.
#pragma once

#include <ctime>

#include "crypto/assert.h"
#include "storage/space/retention.h"

namespace beffroi::storage::testing {

inline constexpr std::int64_t kHour = 3600;
inline constexpr std::int64_t kDay = 24 * kHour;

/// "2024-02-29 23:59:59", UTC.
inline UnixTime utc(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts);
  BEFFROI_ASSERT(end != nullptr && *end == '\0');
  return {::timegm(&parts)};
}

/// The next commit of a branch.
inline void add_commit(std::vector<RetentionCommit>& branch, UnixTime receipted, std::uint64_t position = 1) {
  RetentionCommit next;
  next.sequence = branch.empty() ? 1 : branch.back().sequence + 1;
  for (std::size_t i = 0; i < 8; ++i) next.commit.data[i] = static_cast<std::uint8_t>(next.sequence >> (8 * i));
  next.receipted = receipted;
  next.position = position;
  branch.push_back(next);
}

/// "locked first_of_year": what keeps a commit, strongest first; empty when nothing does.
inline std::string reasons_of(const KeepReasons& reasons) {
  std::string out;
  for (const KeepReason reason : reasons.listed())
    out += (out.empty() ? "" : " ") + std::string(keep_reason_name(reason));
  return out;
}

}  // namespace beffroi::storage::testing
