// Adding a record to the vault's log: at the peer first, which orders it, then here.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Adds a record that somebody signed on the log's head. Twice is once. With a peer it is taken there first, so that a
/// record from another machine in between can't part the logs; where the line is cut after that, the next push brings
/// it. conflict: it follows an older head than the log now has: fetch the log again, sign again. unreachable: nothing
/// changed. wrong_state: no vault. For an exclusive job.
asio::awaitable<Result<void>> add_record(StationContext& station, Bytes record);

/// This device takes a deletion back. `name`: the beginning of the record's hexadecimal id, at least 4 digits. Errors
/// as above; not_found: no deletion waits under this name; usage: several do.
asio::awaitable<Result<storage::RecordId>> take_deletion_back(StationContext& station, std::string name);

}  // namespace beffroi::daemon
