// Keeps one synced folder in step with its space: one loop that runs cycles, one that hears of changes in the folder,
// and one that hears of news from the peer.
#pragma once

#include "daemon/share/disk_folder.h"
#include "daemon/share/folder_watch.h"
#include "daemon/share/share_control.h"
#include "daemon/share/share_pace.h"
#include "daemon/share/share_sync.h"
#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// For the protocol thread.
class ShareKeeper {
 public:
  /// `station` and `folders`, where cycles run, outlive it.
  ShareKeeper(StationContext& station, Pool& folders, std::shared_ptr<Share> share);
  /// Begins the loops.
  void start();
  /// Ends them soon, whatever they wait for.
  void stop();
  /// stop(), and waits for them.
  asio::awaitable<void> end();

  /// A cycle soon.
  void look();
  asio::awaitable<Result<ShareCycle>> sync_now();
  asio::awaitable<Result<ShareCycle>> resume();
  asio::awaitable<Result<std::uint64_t>> undo();
  asio::awaitable<Result<PartChange>> fetch(std::set<std::string> paths);
  asio::awaitable<Result<PartChange>> free(std::set<std::string> paths);
  ShareStatus status() const;
  const SyncedFolder& place() const { return folder_.place(); }

 private:
  /// One thing is done with the folder at a time. Its end wakes who waits for it, also when it throws.
  class Working {
   public:
    explicit Working(ShareKeeper& keeper) : keeper_(keeper) { keeper_.running_ = true; }
    ~Working() {
      keeper_.running_ = false;
      keeper_.tell_change();
    }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    ShareKeeper& keeper_;
  };

  asio::awaitable<void> keep();
  asio::awaitable<void> watch();
  asio::awaitable<void> listen();
  asio::awaitable<void> count_loop(asio::awaitable<void> loop);
  /// False: it is over.
  asio::awaitable<bool> sleep(std::chrono::milliseconds time);
  /// The same, to its end: what wakes the others does not cut it short.
  asio::awaitable<bool> sleep_out(std::chrono::milliseconds time);
  void wake();
  asio::awaitable<void> wait_for_change();
  void tell_change();
  asio::awaitable<void> run_cycle();
  asio::awaitable<Result<SyncOutcome>> talk(const ScanScope& scope);
  asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect();
  asio::awaitable<CycleSettings> settings();
  asio::awaitable<bool> become_idle();
  using FolderChange =
      std::function<Result<PartChange>(const CycleSettings&, const std::shared_ptr<storage::ObjectSource>&)>;
  asio::awaitable<Result<PartChange>> change_folder(FolderChange change);
  asio::awaitable<void> renew_keys();
  asio::awaitable<void> collect_if_due();
  asio::awaitable<void> refresh();
  void hear(const FolderNews& news);
  void take_news(const SpaceNews& news);
  void note(const Result<SyncOutcome>& outcome, const ScanScope& scope);
  void note_sending(const SyncOutcome& outcome, SharePace::Time now);
  void ring(const Result<SyncOutcome>& outcome);
  std::string alarm(const char* kind) const;
  bool over() const { return stopping_ || station_.background.stopping(); }

  StationContext& station_;
  Pool& folders_;
  const std::shared_ptr<Share> share_;
  DiskFolder folder_;
  FolderCycle cycle_;
  Line line_;
  ShareParts parts_;
  Progress progress_;
  FolderWatch watch_;
  SharePace pace_;
  std::optional<Refusal> refused_;  ///< by the peer, lately
  ScanScope dirty_{.everything = true, .paths = {}};
  PeerLink* listening_ = nullptr;
  std::set<asio::steady_timer*> sleepers_;
  std::set<asio::steady_timer*> waiting_;
  bool stopping_ = false;
  bool running_ = false;
  std::size_t loops_ = 0;
  std::uint64_t cycles_ = 0;  ///< that have ended
  std::optional<Result<SyncOutcome>> last_;
  std::optional<storage::UnixTime> last_sync_;
  ShareStatus status_;
};

}  // namespace beffroi::daemon
