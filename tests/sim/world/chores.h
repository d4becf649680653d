// What the peer does by itself, in steps between which everything else goes on: it lets snapshots go by the rules,
// collects what nothing needs, and reads what it holds.
#pragma once

#include <set>

#include "daemon/peer/scrub.h"
#include "daemon/service/trusted_clock.h"
#include "daemon/sync/peer_host.h"
#include "tests/sim/world/sim_env.h"

namespace beffroi::sim {

/// One lives as long as one opening of the peer.
class PeerChores {
 public:
  /// All outlive it.
  PeerChores(daemon::PeerHost& host, daemon::TrustedClock& clock, SimEnv& env)
      : host_(host), clock_(clock), env_(env), scrub_(host, clock) {}

  /// Each does one step, and says whether the work goes on. An error ends it: the next call begins anew.
  Result<bool> expire_step();
  Result<bool> collect_step();
  Result<bool> scrub_step();
  /// Has the peer signed that this snapshot is over? Then nothing of it needs to be there.
  Result<bool> has_ended(const storage::SpaceId& space, const storage::CommitId& commit);

  struct Done {
    std::uint64_t expired = 0;      ///< snapshots
    std::uint64_t collections = 0;  ///< that came to their end
    std::uint64_t collected = 0;    ///< objects
    std::uint64_t scrubbed = 0;     ///< whole passes
  };
  /// Since the last call.
  Done take_done() { return std::exchange(done_, {}); }

 private:
  struct Ended {
    std::uint64_t counter = 0;  ///< of the last expiry that was read
    std::set<storage::CommitId> commits;
  };
  std::shared_ptr<daemon::HostedSpace> space(std::size_t number) const;
  Result<bool> end_collection();

  daemon::PeerHost& host_;
  daemon::TrustedClock& clock_;
  SimEnv& env_;
  daemon::Scrub scrub_;
  std::size_t expiring_ = 0;    ///< spaces that are done in this round
  std::size_t collecting_ = 0;  ///< likewise
  std::unique_ptr<daemon::SpaceCollection> collection_;
  std::map<storage::SpaceId, Ended> ended_;
  Done done_;
};

}  // namespace beffroi::sim
