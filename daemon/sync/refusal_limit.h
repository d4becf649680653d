// How many refusals are written into the audit log: somebody who is refused a thousand times a minute must not fill the
// disk with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace beffroi::daemon {

inline constexpr std::uint32_t kRefusalsPerKeyAndHour = 5;
/// Of one organisation: what its stations are refused (a quota that is used up, say) leaves the others' room alone.
inline constexpr std::uint32_t kRefusalsPerOrganisationAndHour = 10;
/// Of all: whoever is refused can make new keys.
inline constexpr std::uint32_t kRefusalsPerHour = 30;

/// Not thread-safe. Hours begin with the first refusal after the end of the last one; they are counted by the monotonic
/// clock.
class RefusalLimit {
 public:
  /// True: write it down. False: it was counted. `key`: who was refused; `organisation`: whose it is, empty when nobody
  /// knows.
  bool take(const std::string& key, const std::string& organisation, std::chrono::milliseconds now);
  /// How many were only counted in the hour that ended, once; nullopt while it lasts and `anyway` is false, or when
  /// there are none.
  std::optional<std::uint64_t> end_hour(std::chrono::milliseconds now, bool anyway);

 private:
  bool is_over(std::chrono::milliseconds now) const { return !began_ || now - *began_ >= std::chrono::hours(1); }

  std::optional<std::chrono::milliseconds> began_;
  std::map<std::string, std::uint32_t> written_of_;  ///< by key; as the next one, at most kRefusalsPerHour of them
  std::map<std::string, std::uint32_t> written_of_organisation_;
  std::uint32_t written_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace beffroi::daemon
