// The watchdog's food: systemd hears that the daemon lives only when its disk answered.
#pragma once

#include "daemon/service/background.h"
#include "daemon/service/clock.h"
#include "daemon/service/pool.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// A small synced write, read back. True when the disk did it, or said clearly that it is full: a full disk is no
/// reason to restart the daemon, a disk that hangs is. Blocking.
bool storage_answers(storage::Database& database, Clock& clock);

/// Tells the watchdog each watchdog_interval() that the storage answers; ends at once when systemd asked for no
/// watchdog. `pool` is for this alone: a heartbeat must not wait behind other work.
asio::awaitable<void> keep_watchdog_fed(Background& background, storage::Database& database, Clock& clock, Pool& pool);

}  // namespace beffroi::daemon
