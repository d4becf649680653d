#include "daemon/service/hours.h"

#include <ctime>

namespace beffroi::daemon {

bool Hours::contain(storage::UnixTime time) const {
  constexpr int kMinutesPerHour = 60;
  if (from == until) return true;
  const std::time_t seconds = time.seconds;
  std::tm local{};
  localtime_r(&seconds, &local);
  const auto minute = static_cast<std::uint32_t>(local.tm_hour * kMinutesPerHour + local.tm_min);
  return from < until ? from <= minute && minute < until : from <= minute || minute < until;
}

}  // namespace beffroi::daemon
