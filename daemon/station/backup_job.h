// A whole backup as people mean it: the snapshot here, and its way to the peer.
#pragma once

#include "daemon/backup/backup.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {

struct BackupWords {
  std::vector<std::string> tags;
  bool dry_run = false;
  bool rehash = false;
  bool accept_empty = false;
  bool sync = true;
  bool nightly = false;  ///< a failure is an alarm: nobody is watching; an audit follows
};

struct BackupOutcome {
  BackupResult result;
  std::optional<PushResult> push;
  std::optional<Error> sync_error;   ///< why nothing, or not all, was sent
  std::uint64_t bytes_sent = 0;      ///< on the wire, of pushes that failed too
  std::optional<Snapshot> snapshot;  ///< with its receipt, if it has one now
};

/// Backs up, remembers how that went, then pushes when there is a peer. An unreachable peer is no error of the backup.
/// A nightly one that was pushed ends with an audit.
/// wrong_state: no vault, or no sources.
asio::awaitable<Result<BackupOutcome>> back_up(StationContext& station, std::shared_ptr<Progress> progress,
                                               BackupWords words);

}  // namespace beffroi::daemon
