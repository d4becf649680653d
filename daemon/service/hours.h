// Hours of the day, by the machine's local time.
#pragma once

#include <cstdint>
#include <ctime>

#include "storage/format/types.h"

namespace beffroi::daemon {

/// Calendar and clock, as the machine's people read them.
std::tm local_time(storage::UnixTime time);

/// Minutes of the day. `until` not after `from`: until then on the next day; the same: all day.
struct Hours {
  std::uint32_t from = 8 * 60;
  std::uint32_t until = 18 * 60;
  bool contain(storage::UnixTime time) const;
};

}  // namespace beffroi::daemon
