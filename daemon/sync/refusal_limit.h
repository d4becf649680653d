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
/// Of all keys: whoever is refused can make new keys.
inline constexpr std::uint32_t kRefusalsPerHour = 30;

/// Not thread-safe. Hours begin with the first refusal after the end of the last one; they are counted by the monotonic
/// clock.
class RefusalLimit {
 public:
  /// True: write it down. False: it was counted. `key`: who was refused.
  bool take(const std::string& key, std::chrono::milliseconds now);
  /// How many were only counted in the hour that ended, once; nullopt while it lasts and `anyway` is false, or when
  /// there are none.
  std::optional<std::uint64_t> end_hour(std::chrono::milliseconds now, bool anyway);

 private:
  bool is_over(std::chrono::milliseconds now) const { return !began_ || now - *began_ >= std::chrono::hours(1); }

  std::optional<std::chrono::milliseconds> began_;
  std::map<std::string, std::uint32_t> written_of_;  ///< at most kRefusalsPerHour keys
  std::uint32_t written_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace beffroi::daemon
