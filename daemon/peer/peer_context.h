// What the parts of a peer work with. Made once, outlives them all.
#pragma once

#include <atomic>
#include <mutex>

#include "daemon/service/alarm.h"
#include "daemon/service/background.h"
#include "daemon/service/config.h"
#include "daemon/service/pool.h"
#include "daemon/service/trusted_clock.h"
#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_shares.h"
#include "storage/store/limits.h"

namespace beffroi::daemon {

/// What the peer's status says, gathered once a minute.
struct PeerFacts {
  std::uint64_t store_bytes = 0, free_bytes = 0;
  bool disk_nearly_full = false;
};

class PeerContext {
 public:
  /// `machine_clock` is believed as far as TrustedClock does.
  static Result<std::unique_ptr<PeerContext>> open(const PeerSettings& settings, asio::any_io_executor executor,
                                                   Clock& machine_clock, crypto::Random& random,
                                                   const storage::DatabaseOptions& options = {});

  const PeerSettings settings;
  const asio::any_io_executor executor;  ///< the protocol thread
  const std::unique_ptr<TrustedClock> trusted_clock;
  Clock& clock;  ///< the trusted one
  const std::unique_ptr<PeerHost> host;
  AlarmBoard alarms;
  Background background;
  const storage::UnixTime running_since;
  /// Open connections; set when the listener is there.
  std::function<std::size_t()> connections = [] { return std::size_t{0}; };

  PeerFacts facts() const;
  /// Clock, tenants, disk; raises and clears the alarms, and lets nothing new in while less is free than
  /// store.min_free. Once a minute. Blocking.
  void look_around();
  /// The machine's clock is right, somebody says (`by`, for the audit log). Blocking.
  Result<void> accept_clock(const std::string& by);
  /// The last entry of the audit log, when the peer stops. Blocking.
  void note_stop();
  /// True when for settings.silent_days working days the tenant has not been heard of, or has stored no snapshot. Days
  /// on which this peer itself was away do not count.
  bool is_silent(const Tenant& tenant) const;
  /// True for four hours after an absence of more than twelve: who has put this peer back to an older state has time to
  /// say so, before anything goes by what that state knew.
  bool is_just_back() const;
  /// What an erasure has left on the disk, if anything; returns at once.
  void give_room_back();
  bool threads_are_idle() const { return ringing_ == 0; }
  /// False while time can't be trusted, or is known to be ahead: then nothing may run out.
  bool expiry_allowed() const { return trusted_clock->expiry_allowed() && !trusted_clock->status().catching_up; }

  /// A moment that the state table keeps; nullopt before the first.
  std::optional<storage::UnixTime> load_time(std::string_view key) const;
  Result<void> save_time(std::string_view key, storage::UnixTime time);

 private:
  PeerContext(const PeerSettings& settings, asio::any_io_executor executor, std::unique_ptr<TrustedClock> clock,
              std::unique_ptr<PeerHost> host);
  PeerFacts measure() const;
  void look_at_clock();
  void note_held_clock();
  void note_clock_at_start(bool was_held);
  void save_clock();
  void audit(storage::AuditAction action, const std::string& actor, const std::string& detail) const;
  void set_alarm(const std::string& name, bool lasts, const Error& what);
  void note_presence();
  bool is_old(storage::UnixTime time) const;
  void look_at_disk(const PeerFacts& facts);
  void look_at_erasures();
  void look_at_quota(const HostedOrganisation& organisation);
  void look_at_tenants(const std::vector<Tenant>& tenants);
  /// Alarms of spaces and organisations that are not here any more.
  void clear_orphans(const std::vector<Tenant>& tenants);

  mutable std::mutex mutex_;
  PeerFacts facts_;
  std::atomic<int> ringing_{0};
  /// When this peer was last back after a long absence, by its own memory; set when it is opened, or its clock was
  /// accepted.
  std::optional<storage::UnixTime> back_since_;

 public:
  // Last, so that they end first: what they run uses everything above.
  Pool work;  ///< the protocol's disk work and the API's
  PeerShares shares;
  Pool bells;      ///< alarm commands: they may take long
  Pool heartbeat;  ///< the watchdog's alone
};

}  // namespace beffroi::daemon
