// What the parts of a station work with: its vault, its threads, its settings. Made once, outlives them all.
#pragma once

#include "daemon/backup/source.h"
#include "daemon/service/alarm.h"
#include "daemon/service/background.h"
#include "daemon/service/config.h"
#include "daemon/service/pool.h"
#include "daemon/share/shares.h"
#include "daemon/station/job_board.h"
#include "daemon/station/station_facts.h"
#include "daemon/sync/line.h"
#include "daemon/sync/peer_link.h"

namespace beffroi::daemon {

/// Longest that the status waits for a look at the sources.
inline constexpr std::chrono::milliseconds kSourceLookWait{500};

/// What tests replace.
struct StationSeams {
  Clock& clock;
  crypto::Random& random;
  Connector connector;
  storage::DatabaseOptions database = {};
};

/// Members without locks of their own are for the protocol thread.
class StationContext {
 public:
  /// Opens the vault and the shares; one that does not open is an alarm. Nothing runs yet.
  static Result<std::unique_ptr<StationContext>> open(const StationSettings& settings, asio::any_io_executor executor,
                                                      const StationSeams& seams);

  const StationSettings settings;
  const asio::any_io_executor executor;  ///< the protocol thread
  Clock& clock;
  crypto::Random& random;
  const Connector connector;
  const std::unique_ptr<Vault> vault;
  Shares shares;
  StationState state;
  Line line;  ///< to the peer
  AlarmBoard alarms;
  JobBoard jobs;
  Background background;
  /// When the next nightly backup is planned; shown by the status.
  std::optional<storage::UnixTime> next_backup;
  /// A push failed: it is tried again by itself.
  bool push_wanted = false;
  /// What the peer lost and this station does not have either, as it was last told of.
  std::set<storage::ObjectId> told_lost;

  /// Gathers the facts anew and waits for that: after everything that changes them.
  asio::awaitable<void> refresh_facts();
  /// Looks at the sources, and waits for it no longer than `patience`.
  asio::awaitable<void> refresh_sources(std::chrono::milliseconds patience);
  StationFacts facts() const;
  std::map<std::string, SourceCondition> source_conditions() const;

  /// From any thread: never waits for the alarm command.
  void raise_alarm(const std::string& name, const Error& what);
  void clear_alarm(const std::string& name);

  /// No alarm command runs, and no look at the sources hangs: the threads can be waited for.
  bool threads_are_idle() const { return !looking_ && ringing_ == 0; }

  /// A source of sealed objects for reading snapshots. wrong_state: `peer` without one.
  enum class From : std::uint8_t { automatic, local, peer };
  static Result<From> parse_from(const std::string& text);
  Result<std::shared_ptr<storage::ObjectSource>> source(From from);

 private:
  StationContext(const StationSettings& settings, asio::any_io_executor executor, const StationSeams& seams,
                 std::unique_ptr<Vault> vault);
  asio::awaitable<void> look_once();

  mutable std::mutex mutex_;
  StationFacts facts_;
  std::map<std::string, SourceCondition> conditions_;
  std::set<asio::steady_timer*> waiting_;
  bool looking_ = false;
  std::atomic<int> ringing_{0};

 public:
  // Last, so that they end first: what they run uses everything above.
  Pool work;       ///< short things
  Pool streams;    ///< one exclusive job, and restores, listings and checks
  Pool bells;      ///< alarm commands: they may take long
  Pool heartbeat;  ///< the watchdog's alone
};

/// wrong_state, with a sentence that tells what to do, unless the vault is founded.
Result<void> require_vault(const StationContext& station);

}  // namespace beffroi::daemon
