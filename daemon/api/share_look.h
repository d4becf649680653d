// A request that looks into one shared space: its trees, or what became of its files.
#pragma once

#include "daemon/share/membership.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {

/// Holds what it reads from. For one worker thread at a time.
struct ShareLook {
  SharePointer share;
  std::shared_ptr<Job> job;
  std::shared_ptr<storage::ObjectSource> source;  ///< from here, else from the peer
};

/// For the protocol thread. `space`: its name, or the beginning of its id. Those errors; wrong_state: not let in yet.
Result<ShareLook> look_into_share(StationContext& station, const std::string& space);

}  // namespace beffroi::daemon
