// Hours of the day, by the machine's local time.
#pragma once

#include <cstdint>

#include "storage/format/types.h"

namespace beffroi::daemon {

/// Minutes of the day. `until` not after `from`: until then on the next day; the same: all day.
struct Hours {
  std::uint32_t from = 8 * 60;
  std::uint32_t until = 18 * 60;
  bool contain(storage::UnixTime time) const;
};

}  // namespace beffroi::daemon
