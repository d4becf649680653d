// Who made a change, as its commit says it.
#pragma once

#include "daemon/share/shares.h"
#include "storage/merge/conflict_name.h"

namespace beffroi::daemon {

/// This station, in its language and local time: as others will read it in the names of copies. Blocking.
storage::ChangeAuthor author_of(const Share& share, storage::UnixTime now);

}  // namespace beffroi::daemon
