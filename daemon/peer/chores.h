// What a peer does by itself, on a thread of its own and slowly while stations are connected: it lets snapshots go,
// collects what nothing needs, and reads everything once in a while.
#pragma once

#include "daemon/peer/collection_turns.h"
#include "daemon/peer/peer_context.h"
#include "daemon/peer/scrub.h"
#include "daemon/service/progress.h"

namespace beffroi::daemon {

struct CollectionReport {
  std::uint64_t snapshots = 0;          ///< let go now
  std::uint64_t objects = 0;            ///< removed
  std::uint64_t bytes = 0;              ///< of them, as they were sealed
  std::uint64_t store_bytes = 0;        ///< of the data folder, afterwards
  std::uint64_t spaces_failed = 0;      ///< that could not be looked at; the daemon's log says why
  std::uint64_t spaces_unfinished = 0;  ///< whose turn was over before their end
  bool expiry_held = false;             ///< the clock can't be trusted: no snapshot was let go
};

/// Lives on the protocol thread.
class Chores {
 public:
  /// `peer` outlives it.
  explicit Chores(PeerContext& peer)
      : peer_(peer), scrub_(*peer.host, peer.clock), turns_(peer.host->database()), thread_(1) {}

  /// All spaces, one after the other, each for the time that CollectionTurns gives it. busy while another chore runs;
  /// cancelled between two steps.
  asio::awaitable<Result<CollectionReport>> collect(std::shared_ptr<Progress> progress);
  /// A pass from the beginning to its end, as fast as the disk allows.
  asio::awaitable<Result<ScrubPass>> scrub(std::shared_ptr<Progress> progress);
  /// Until the daemon ends: collects every settings.gc_every_hours, and reads everything within
  /// settings.scrub_every_days, a little each minute.
  asio::awaitable<void> keep();
  /// When the last collection that this data folder saw ended.
  std::optional<storage::UnixTime> collected_at() const;
  bool idle() const { return !running_; }

 private:
  class Turn;

  std::vector<std::shared_ptr<HostedSpace>> spaces_in_turn() const;
  /// cancelled; all other errors are the space's own.
  asio::awaitable<Result<void>> take_turn(HostedSpace& space, Progress& progress, CollectionReport& report);
  /// These three: false when the time was over before the end.
  asio::awaitable<Result<bool>> collect_space(HostedSpace& space, Progress& progress, CollectionReport& report);
  asio::awaitable<Result<bool>> let_snapshots_go(HostedSpace& space, std::chrono::milliseconds until,
                                                 Progress& progress, CollectionReport& report);
  asio::awaitable<Result<bool>> remove_garbage(HostedSpace& space, std::chrono::milliseconds until, Progress& progress,
                                               CollectionReport& report);
  asio::awaitable<Result<void>> give_room_back(CollectionReport& report);
  /// Lets stations have the machine: after so much work, sleeps a multiple of it while any are connected. False when
  /// the daemon ends.
  asio::awaitable<bool> give_way(std::chrono::milliseconds worked);
  asio::awaitable<void> collect_if_due();
  asio::awaitable<void> scrub_a_little(std::chrono::milliseconds since_last);

  /// On the chores' thread: the audit log is a file.
  asio::awaitable<void> note(storage::AuditAction action, std::string detail);
  asio::awaitable<void> note_scrub(ScrubPass pass);

  PeerContext& peer_;
  Scrub scrub_;
  CollectionTurns turns_;
  bool running_ = false;
  bool room_to_give_back_ = false;  ///< objects were removed since the last compaction that succeeded
  Pool thread_;                     ///< last: what it runs uses everything above
};

}  // namespace beffroi::daemon
