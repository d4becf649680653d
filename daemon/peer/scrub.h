// Reading all that a peer holds, once in a while, and comparing it with its names: disks forget silently.
#pragma once

#include "daemon/sync/peer_host.h"

namespace beffroi::daemon {

/// A pass over all spaces, in the order of their ids and of their objects'.
struct ScrubPass {
  storage::UnixTime began;
  storage::SpaceId space;     ///< where it goes on
  storage::ObjectId object;   ///< likewise
  std::uint64_t objects = 0;  ///< read so far
  std::uint64_t bytes = 0;    ///< likewise, as they are sealed
  std::uint64_t damaged = 0;  ///< found now: they are quarantined, and wanted from their stations
  bool operator==(const ScrubPass&) const = default;
};

/// What the state table keeps: "peer/scrub" → CBOR [1, ended | null, began | null, space, object, objects, bytes,
/// damaged].
struct ScrubState {
  std::optional<storage::UnixTime> ended;  ///< when the last whole pass ended
  std::optional<ScrubPass> running;
};
Result<ScrubState> load_scrub(const storage::Database& database);

/// Thread-safe as far as steps are not taken at once. `host` and `clock` outlive it.
class Scrub {
 public:
  Scrub(PeerHost& host, Clock& clock) : host_(host), clock_(clock) {}
  /// Goes on where the last step, or the last run of the daemon, stopped, or begins a pass; reads about `bytes` and
  /// returns where it is. What it read survives kill -9. `ended` is set with the last object.
  struct Step {
    ScrubPass pass;
    bool ended = false;
  };
  Result<Step> step(std::uint64_t bytes);
  /// The next step begins a pass.
  Result<void> begin_anew();

 private:
  Result<bool> scrub_space(HostedSpace& space, ScrubPass& pass, std::uint64_t& left);
  Result<void> read(HostedSpace& space, ScrubPass& pass, const storage::ObjectId& id);
  Result<void> save(const ScrubState& state);

  PeerHost& host_;
  Clock& clock_;
};

}  // namespace beffroi::daemon
