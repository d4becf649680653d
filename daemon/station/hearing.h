// Hearing what the peer knows by now, beside what else goes on: which snapshots went, most of all.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Longest time that it may take: what is waited for beside it goes on without it then.
inline constexpr std::chrono::minutes kHearingPatience{2};

/// Brings log, receipts and expiries together with the peer, in a session of its own. corrupt: the peer is not what it
/// was, or tells two stories; else the errors of connecting. wrong_state: no peer.
asio::awaitable<Result<void>> hear_of_the_peer(StationContext& station);
/// The same for a worker thread, which waits. Never on the protocol thread.
Result<void> hear_and_wait(StationContext& station);

/// For who reads a snapshot on a worker thread and meets something that is missing: not_found, with a sentence, when
/// the snapshot is listed no more. Whether it is the peer is asked, when there is one: at the first call, at
/// `ask_again`, and each time that the calls have doubled.
class SnapshotWatch {
 public:
  /// `asks`: the peer is asked at all. `station` outlives it.
  SnapshotWatch(StationContext& station, storage::CommitId snapshot, bool asks)
      : station_(station), snapshot_(snapshot), asks_(asks && station.vault->peer()) {}
  Result<void> still_there(bool ask_again);

 private:
  StationContext& station_;
  const storage::CommitId snapshot_;
  const bool asks_;
  std::uint64_t calls_ = 0;
};

}  // namespace beffroi::daemon
