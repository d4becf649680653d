#include "daemon/service/hours.h"

namespace beffroi::daemon {

std::tm local_time(storage::UnixTime time) {
  const std::time_t seconds = time.seconds;
  std::tm out{};
  localtime_r(&seconds, &out);
  return out;
}

bool Hours::contain(storage::UnixTime time) const {
  constexpr int kMinutesPerHour = 60;
  if (from == until) return true;
  const std::tm local = local_time(time);
  const auto minute = static_cast<std::uint32_t>(local.tm_hour * kMinutesPerHour + local.tm_min);
  return from < until ? from <= minute && minute < until : from <= minute || minute < until;
}

}  // namespace beffroi::daemon
