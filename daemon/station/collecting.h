// Giving room back at the station: by hand, and by itself after snapshots went.
#pragma once

#include "daemon/station/station_context.h"
#include "daemon/vault/collection.h"

namespace beffroi::daemon {

struct ForgetOutcome {
  std::vector<storage::CommitId> forgotten;  ///< now, or, in a dry run, as it would be
  CollectionResult collected;
};

/// On a station without a peer, takes out what its rules and due deletions let go; then collects. In a dry run nothing
/// changes. For an exclusive job.
asio::awaitable<Result<ForgetOutcome>> forget_and_collect(StationContext& station, std::shared_ptr<Progress> progress,
                                                          bool dry_run);

/// So many failures in a row are an alarm.
inline constexpr std::uint32_t kCollectionFailures = 3;

/// Collects when snapshots went since the last time. A failure is remembered for the status, since the next backup or
/// push tries again, and kCollectionFailures in a row raise the alarm "collection_failed"; until then nothing is
/// evicted. For an exclusive job.
asio::awaitable<void> collect_if_due(StationContext& station, std::shared_ptr<Progress> progress);

}  // namespace beffroi::daemon
