// A change of a share's log that this device signs: at the home peer first, which orders it, then here.
#pragma once

#include "daemon/station/station_context.h"
#include "storage/space/rebase_change.h"

namespace beffroi::daemon {

/// Opens a link for a share with this device's keys. wrong_state: not let in yet.
asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect_to_share(StationContext& station, Share& share);

/// Gives the records that follow this log; none: there is nothing to change. Runs on a worker thread.
using Ceremony = std::function<Result<std::vector<Bytes>>(const storage::SpaceLog& log)>;

/// Brings the log up to date, asks whether what was decided on the log as it is here now still holds (rebase_change),
/// has the records signed and appended, and does so again when somebody else was faster, kChangeTries times at most.
/// Where the line is cut in between, some of the records may stand: the same call again goes on with it. unreachable:
/// nothing changed, as far as is known; refused, conflict: see rebase_change; else the errors of the ceremony.
asio::awaitable<Result<void>> change_share(StationContext& station, Share& share, storage::WantedChange wanted,
                                           Ceremony ceremony);
inline constexpr int kChangeTries = 4;

}  // namespace beffroi::daemon
