// A peer and its stations over one seed: what happens is drawn from it, one action after the other, and after each what
// was promised is checked. Everything runs on one thread, so a seed repeats exactly.
#pragma once

#include <asio/io_context.hpp>

#include "daemon/sync/peer_link.h"
#include "daemon/sync/peer_shares.h"
#include "tests/sim/world/claims.h"
#include "tests/sim/world/machines.h"
#include "tests/support/memory_channel.h"

namespace beffroi::sim {

using daemon::testing::FaultPlan;
using daemon::testing::MemoryLine;

class SimWorld {
 public:
  /// `folder`: empty, on the real disk; key files go there.
  SimWorld(std::uint64_t seed, std::string folder, bool trace);
  ~SimWorld();

  /// All of it: founding, actions, and the end, at which everything must come to rest. Stops at the first violation.
  void run();
  const std::vector<std::string>& violations() const { return violations_; }
  /// How often each fault was injected.
  const std::map<std::string, std::uint64_t>& faults() const { return faults_; }
  /// Equal for equal runs.
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t receipts() const { return receipts_; }
  std::uint64_t restored() const { return restored_; }

 private:
  using Work = std::vector<asio::awaitable<void>>;
  struct Action {
    std::uint64_t weight;
    const char* name;
    void (SimWorld::*run)();
  };
  static const std::vector<Action>& actions();

  // sim_world.cpp: the stage.
  void found();
  void found_tenant(std::size_t number);
  SimStation& add_station(SimTenant& tenant);
  void admit_second_device(SimTenant& tenant);
  void trace(std::string line);
  void violated(const std::string& what);
  void count(const std::string& fault, std::uint64_t times = 1) { faults_[fault] += times; }
  void count_chores();
  std::uint64_t draw(std::uint64_t bound) { return random_.below(bound); }
  bool one_in(std::uint64_t n) { return draw(n) == 0; }
  SimStation* draw_station();
  std::shared_ptr<daemon::HostedSpace> hosted(const SimTenant& tenant);

  // lines.cpp: conversations.
  daemon::Connector connector(const FaultPlan& plan);
  TappedChannel::Ear ear(const crypto::TransportPublicKey& client);
  void receipt_made(const Bytes& receipt);
  void receipt_sent(const Bytes& receipt);
  FaultPlan draw_plan(SimStation* station, bool may_cut);
  FaultPlan quiet_plan(SimStation* station);
  asio::awaitable<Result<std::unique_ptr<daemon::PeerLink>>> connect(SimStation& station, FaultPlan plan);
  asio::awaitable<Result<daemon::PushResult>> talk(SimStation& station, FaultPlan plan);
  asio::awaitable<void> sync(SimStation& station, FaultPlan plan);
  asio::awaitable<void> send_ahead(SimStation& station, FaultPlan plan);
  asio::awaitable<void> fetch(SimStation& station, FaultPlan plan);
  asio::awaitable<void> audit(SimStation& station, FaultPlan plan);
  asio::awaitable<void> busy_peer(std::uint64_t steps);
  asio::awaitable<void> pass_turns(std::uint64_t turns);
  void run_all(Work work);
  void note_error(SimStation& station, const char* doing, const Error& error);

  // sim_actions.cpp
  void take_snapshot();
  void sync_one();
  void sync_over_a_bad_line();
  void sync_several();
  void sync_while_the_peer_stops();
  void sync_while_the_station_stops();
  void snapshot_while_the_station_stops();
  void fetch_one();
  void send_ahead_and_sync();
  void save_image();
  void go_back_to_image();
  void trouble_with_the_peers_disk();
  void make_room();
  void trouble_with_a_stations_disk();
  void jump_clock();
  void put_clock_right();
  void pass_time();
  void peer_is_off();
  void set_rules();
  void set_rules(SimTenant& tenant);
  void collect_at_station();
  void audit_one();
  void damage();
  void careless_push();
  void replace_station();
  void do_chores();
  void restart_peer();
  bool snapshot(SimStation& station);
  void change_files(SimStation& station);
  void find_damage(SimTenant& tenant, const storage::ObjectId& id);
  void chores_step(std::uint64_t which);
  void push_parent_alone(SimStation& station, const storage::Commit& commit);
  void commit_without_lease(SimStation& station, const storage::Commit& commit);
  Result<void> recover_as(SimStation& fresh, bool keep_others);
  asio::awaitable<Result<void>> recover_over(SimStation& fresh, bool keep_others);

  // sim_crashes.cpp
  void crash_peer(SimDisk::Stop how);
  void crash_station(SimStation& station, SimDisk::Stop how);
  void after_disk_trouble();
  void run_background();

  // sim_checks.cpp
  void check_now(bool everything);
  void check_space(SimTenant& tenant);
  void check_receipts(SimTenant& tenant, daemon::HostedSpace& space);
  void check_receipt(SimTenant& tenant, daemon::HostedSpace& space, const storage::Receipt& receipt, ByteView encoded,
                     std::set<storage::ObjectId>& whole);
  void check_leases(SimTenant& tenant, daemon::HostedSpace& space);
  void check_children(const SimTenant& tenant);
  void check_station(SimStation& station);
  void check_station_commit(SimStation& station, const storage::CommitId& id);
  std::string hole_below(daemon::HostedSpace& space, const storage::ObjectId& root, std::set<storage::ObjectId>& whole);
  bool is_openly_damaged(const SimTenant& tenant, daemon::HostedSpace& space, const storage::ObjectId& id);
  void come_to_rest();
  void count_disk_faults();
  bool comes_through(SimStation& station);
  void tell_wishes(SimStation& station);
  void check_healed(SimTenant& tenant);
  void check_healed(SimTenant& tenant, const storage::ObjectId& id);
  bool is_sound_at_peer(const SimTenant& tenant, const storage::ObjectId& id);
  std::set<storage::ObjectId> closure_at_peer(const SimTenant& tenant, const storage::ObjectId& root);
  bool is_damaged_below(const SimTenant& tenant, const storage::ObjectId& root);
  void heal_everything();
  void check_recovery(SimTenant& tenant);
  asio::awaitable<void> read_everything(SimTenant& tenant, daemon::PeerLink& link);
  asio::awaitable<Result<void>> fetch_below(daemon::PeerLink& link, storage::ObjectId root,
                                            std::map<storage::ObjectId, Bytes>& objects);
  void check_restored(SimTenant& tenant, const storage::Commit& commit, const storage::SpaceAccess& access,
                      const std::map<storage::ObjectId, Bytes>& objects);

  std::uint64_t seed_;
  std::string folder_;
  bool tracing_;
  bool wide_ = false;
  crypto::SeededRandom random_;
  asio::io_context context_;
  daemon::Pool pool_{0};
  daemon::PeerShares shares_{pool_};
  daemon::Progress progress_;
  Claims claims_;
  SimPeer peer_;
  std::vector<std::unique_ptr<SimTenant>> tenants_;
  std::vector<std::unique_ptr<SimStation>> stations_;
  std::vector<std::shared_ptr<MemoryLine>> lines_;  ///< of the action that runs
  /// What was ever damaged at the peer, healed or not.
  std::map<storage::SpaceId, std::set<storage::ObjectId>> damaged_;
  bool was_damaged_ = false;
  std::int64_t true_time_s_ = 0;  ///< what right clocks show
  std::uint64_t tags_ = 0;
  std::uint64_t receipts_ = 0;
  std::uint64_t restored_ = 0;
  std::uint64_t fingerprint_ = 0;
  std::map<std::string, std::uint64_t> faults_;
  std::vector<std::string> violations_;
};

}  // namespace beffroi::sim
