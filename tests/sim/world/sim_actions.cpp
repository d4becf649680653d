// What may happen in a simulation, and how often.
#include "daemon/vault/collection.h"
#include "storage/store/object_change.h"
#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {
namespace {

using storage::ObjectId;

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kDay = 24 * 60 * kMinute;
// Changes of a disk within which a machine stops: about what a push costs.
constexpr std::uint64_t kChangesOfAPush = 70;

}  // namespace

const std::vector<SimWorld::Action>& SimWorld::actions() {
  static const std::vector<Action> kActions = {
      {10, "snapshot", &SimWorld::take_snapshot},
      {5, "sync", &SimWorld::sync_one},
      {7, "sync over a bad line", &SimWorld::sync_over_a_bad_line},
      {9, "several syncs at once", &SimWorld::sync_several},
      {9, "sync while the peer stops", &SimWorld::sync_while_the_peer_stops},
      {5, "sync while the station stops", &SimWorld::sync_while_the_station_stops},
      {4, "snapshot while the station stops", &SimWorld::snapshot_while_the_station_stops},
      {3, "fetch", &SimWorld::fetch_one},
      {3, "send ahead", &SimWorld::send_ahead_and_sync},
      {3, "save an image", &SimWorld::save_image},
      {2, "go back to an image", &SimWorld::go_back_to_image},
      {3, "trouble with the peer's disk", &SimWorld::trouble_with_the_peers_disk},
      {2, "make room", &SimWorld::make_room},
      {2, "trouble with a station's disk", &SimWorld::trouble_with_a_stations_disk},
      {2, "a clock jumps", &SimWorld::jump_clock},
      {1, "the peer's clock is put right", &SimWorld::put_clock_right},
      {5, "time passes", &SimWorld::pass_time},
      {3, "the peer is off", &SimWorld::peer_is_off},
      {1, "other rules", &SimWorld::set_rules},
      {2, "a station clears up", &SimWorld::collect_at_station},
      {2, "audit", &SimWorld::audit_one},
      {3, "damage", &SimWorld::damage},
      {3, "careless push", &SimWorld::careless_push},
      {1, "replace a station", &SimWorld::replace_station},
      {6, "chores", &SimWorld::do_chores},
      {1, "restart the peer", &SimWorld::restart_peer},
  };
  return kActions;
}

void SimWorld::change_files(SimStation& station) {
  constexpr std::uint64_t kChanges = 5;
  constexpr std::uint64_t kPaths = 60;
  constexpr std::uint64_t kContents = 50;  // few, so that what was collected comes back
  Files& files = station.files;
  for (std::uint64_t i = draw(kChanges) + 1; i > 0; --i) {
    const std::string path = "file" + std::to_string(draw(kPaths));
    const auto old =
        files.empty() ? files.end() : std::next(files.begin(), static_cast<std::ptrdiff_t>(draw(files.size())));
    const std::uint64_t kind = draw(4);
    if (old != files.end() && kind == 0) {
      files.erase(old);
    } else if (old != files.end() && kind == 1) {
      const std::uint64_t number = old->second;
      files.erase(old);
      files[path] = number;
    } else {
      files[path] = draw(kContents);
    }
  }
}

// True when it was said to be taken.
bool SimWorld::snapshot(SimStation& station) {
  change_files(station);
  const std::string tag = std::to_string(++tags_);
  station.tenant->snapshots[tag] = station.files;
  const auto commit = station.taker.take(*station, station.files, tag);
  if (!commit) {
    note_error(station, "snapshot", commit.error());
    return false;
  }
  trace("  " + station.name + " took number " + std::to_string(commit->clear.sequence) + ", tag " + tag);
  if (!station.disk->has_stopped()) station.durable.insert(commit->id);
  return true;
}

void SimWorld::take_snapshot() {
  if (SimStation* station = draw_station()) snapshot(*station);
}

void SimWorld::sync_one() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  Work work;
  work.push_back(sync(*station, quiet_plan(station)));
  run_all(std::move(work));
  after_disk_trouble();
}

void SimWorld::sync_over_a_bad_line() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  if (one_in(2)) snapshot(*station);
  Work work;
  work.push_back(sync(*station, draw_plan(station, true)));
  run_all(std::move(work));
  after_disk_trouble();
}

void SimWorld::sync_several() {
  Work work;
  for (const auto& station : stations_) {
    if (station->removed) continue;
    if (one_in(2)) snapshot(*station);
    work.push_back(sync(*station, draw_plan(station.get(), one_in(3))));
  }
  // A second process of the same station, as when somebody copied the folder or two jobs overlap.
  if (one_in(4))
    if (SimStation* station = draw_station()) work.push_back(sync(*station, draw_plan(station, one_in(2))));
  if (one_in(2)) work.push_back(busy_peer(draw(16)));
  run_all(std::move(work));
  after_disk_trouble();
}

void SimWorld::sync_while_the_peer_stops() {
  const auto how = one_in(3) ? SimDisk::Stop::process : SimDisk::Stop::power;
  peer_.disk->stop_after(draw(kChangesOfAPush), how);
  if (one_in(3))
    sync_several();
  else
    sync_over_a_bad_line();
  crash_peer(how);
}

void SimWorld::sync_while_the_station_stops() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  if (one_in(2)) snapshot(*station);
  const auto how = one_in(3) ? SimDisk::Stop::process : SimDisk::Stop::power;
  station->disk->stop_after(draw(kChangesOfAPush / 3), how);
  Work work;
  work.push_back(sync(*station, draw_plan(station, one_in(3))));
  if (one_in(3)) work.push_back(busy_peer(draw(12)));
  run_all(std::move(work));
  crash_station(*station, how);
  after_disk_trouble();
}

void SimWorld::snapshot_while_the_station_stops() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  const auto how = one_in(3) ? SimDisk::Stop::process : SimDisk::Stop::power;
  station->disk->stop_after(draw(kChangesOfAPush / 4), how);
  snapshot(*station);
  crash_station(*station, how);
}

void SimWorld::fetch_one() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  Work work;
  work.push_back(fetch(*station, draw_plan(station, one_in(4))));
  run_all(std::move(work));
}

void SimWorld::send_ahead_and_sync() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  snapshot(*station);
  Work work;
  work.push_back(send_ahead(*station, draw_plan(station, one_in(2))));
  if (one_in(2)) work.push_back(busy_peer(draw(12)));
  run_all(std::move(work));
  work.clear();
  work.push_back(sync(*station, draw_plan(station, one_in(4))));
  run_all(std::move(work));
  after_disk_trouble();
}

void SimWorld::save_image() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  // Copied while the daemon is stopped.
  station->close();
  station->saved = SimStation::Saved{station->disk->image(), station->durable, station->files};
  const auto opened = station->open();
  if (!opened) violated(station->name + " does not open: " + opened.error().message());
}

void SimWorld::go_back_to_image() {
  SimStation* station = draw_station();
  if (station == nullptr || !station->saved) return;
  count("station put back to an older image");
  station->close();
  station->disk->put_back(station->saved->image);
  station->durable = station->saved->durable;
  station->files = station->saved->files;
  station->went_back = true;
  const auto opened = station->open();
  if (!opened) violated(station->name + " does not open: " + opened.error().message());
}

void SimWorld::trouble_with_the_peers_disk() {
  constexpr std::uint64_t kRoomBytes = 40'000;
  if (one_in(2)) {
    peer_.disk->set_free_bytes(draw(kRoomBytes));
    peer_.full = true;
  } else {
    peer_.disk->fail_changes(draw(kChangesOfAPush), 1 + draw(3));
  }
  if (one_in(2))
    sync_several();
  else
    sync_over_a_bad_line();
}

void SimWorld::make_room() {
  peer_.disk->mend();
  peer_.full = false;
}

void SimWorld::trouble_with_a_stations_disk() {
  constexpr std::uint64_t kRoomBytes = 20'000;
  SimStation* station = draw_station();
  if (station == nullptr) return;
  if (one_in(2)) {
    station->disk->set_free_bytes(draw(kRoomBytes));
  } else {
    station->disk->fail_changes(draw(kChangesOfAPush / 3), 1 + draw(3));
  }
  snapshot(*station);
  Work work;
  work.push_back(sync(*station, draw_plan(station, false)));
  run_all(std::move(work));
  station->disk->mend();
  if (one_in(2)) snapshot(*station);  // gets over it, or fails once more
  // Restarted by whoever looks after it.
  crash_station(*station, SimDisk::Stop::process);
  after_disk_trouble();
}

void SimWorld::jump_clock() {
  constexpr std::uint64_t kDays = 3650;
  daemon::ManualClock* clock = &peer_.clock;
  if (SimStation* station = draw_station(); station != nullptr && one_in(2)) clock = &station->clock;
  count("clock jumped");
  const std::int64_t by = static_cast<std::int64_t>(draw(kDays)) * kDay;
  clock->wall_s += one_in(2) ? by : -by;
  static_cast<void>(peer_.look_at_clock());
}

// The operator looks, and says that it is right.
void SimWorld::put_clock_right() {
  peer_.clock.wall_s = true_time_s_;
  peer_.trusted->accept();
  static_cast<void>(peer_.look_at_clock());
}

void SimWorld::pass_time() {
  constexpr std::array<std::int64_t, 4> kSpans = {5 * kMinute, kDay, 4 * kDay, 40 * kDay};
  const std::int64_t seconds = kSpans.at(draw(kSpans.size())) + static_cast<std::int64_t>(draw(kMinute));
  true_time_s_ += seconds;
  peer_.clock.pass(seconds);
  for (const auto& station : stations_) station->clock.pass(seconds);
  const auto added = peer_.host->add_running_time(static_cast<std::uint64_t>(seconds));
  if (added) peer_.running_seconds += static_cast<std::uint64_t>(seconds);
  static_cast<void>(peer_.look_at_clock());
  after_disk_trouble();
}

// For longer than it believes, sometimes: then its operator has to look.
void SimWorld::peer_is_off() {
  constexpr std::array<std::int64_t, 4> kSpans = {60 * kMinute, 10 * kDay, 40 * kDay, 40 * kDay};
  const std::int64_t seconds = kSpans.at(draw(kSpans.size()));
  peer_.close();
  make_room();
  true_time_s_ += seconds;
  peer_.clock.wall_s += seconds;
  for (const auto& station : stations_) station->clock.pass(seconds);
  const auto opened = peer_.open();
  if (!opened) return violated("the peer does not open: " + opened.error().message());
  static_cast<void>(peer_.look_at_clock());
  if (!one_in(4)) put_clock_right();
  if (!one_in(4)) do_chores();  // what it missed
}

// Weak ones, so that snapshots go: the root signs them, and the record goes to the peer with the next exchange.
void SimWorld::set_rules() {
  SimStation* station = draw_station();
  if (station == nullptr || station->went_back) return;
  set_rules(*station->tenant);
  after_disk_trouble();
}

void SimWorld::set_rules(SimTenant& tenant) {
  const storage::RetentionBody rules{.lock_days = 1 + static_cast<std::uint32_t>(draw(3)),
                                     .within_days = 0,
                                     .hourly = static_cast<std::uint32_t>(draw(2)),
                                     .daily = static_cast<std::uint32_t>(draw(3)),
                                     .weekly = 0,
                                     .monthly = 0,
                                     .yearly = static_cast<std::uint32_t>(draw(2))};
  const auto space = hosted(tenant);
  if (!space) return;
  const auto record = storage::set_retention(tenant.root, space->log(), rules, {true_time_s_});
  const auto appended = record ? space->append_record(*record) : Result<void>(forward_error(record));
  trace(std::string("  rules: ") + (appended ? "set" : appended.error().message()));
}

void SimWorld::collect_at_station() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  const bool stops = one_in(3);
  if (stops) station->disk->stop_after(draw(kChangesOfAPush / 3), SimDisk::Stop::power);
  {
    const SimEnv::WithThread background(*station->env);
    const auto collected = daemon::collect(**station, station->random, progress_, {.objects = 16});
    if (!collected) note_error(*station, "clearing up", collected.error());
    if (collected) count("objects collected at stations", collected->objects);
  }
  if (stops) crash_station(*station, SimDisk::Stop::power);
}

void SimWorld::audit_one() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  Work work;
  work.push_back(audit(*station, draw_plan(station, one_in(4))));
  run_all(std::move(work));
  after_disk_trouble();
}

// The bytes of an object below a receipted snapshot go wrong, in a way that the disk does not tell.
void SimWorld::damage() {
  SimTenant& tenant = *tenants_[draw(tenants_.size())];
  const auto& given = claims_.given(tenant.space);
  const auto space = hosted(tenant);
  if (given.empty() || !space) return;
  const auto chosen = std::next(given.begin(), static_cast<std::ptrdiff_t>(draw(given.size())));
  const auto commit = space->commit_bytes(chosen->second.commit);
  const auto decoded = commit && *commit ? storage::decode_commit(**commit) : Result<storage::Commit>();
  if (!commit || !*commit || !decoded) return;
  ObjectId id = decoded->clear.root;
  while (one_in(2)) {
    const auto children = peer_.host->objects().children(tenant.space, id);
    if (!children || children->empty()) break;
    id = (*children)[draw(children->size())];
  }
  const Bytes key = storage::object_key(tenant.space, id);
  auto bytes = peer_.host->database().get(storage::Table::objects, key);
  if (!bytes || !*bytes || (*bytes)->empty()) return;
  (**bytes)[draw((*bytes)->size())] ^= static_cast<std::uint8_t>(1U << draw(8));
  // Also when it fails: it may be found done later.
  damaged_[tenant.space].insert(id);
  was_damaged_ = true;
  if (!peer_.host->database().put(storage::Table::objects, key, **bytes, storage::Durability::synced)) return;
  count("object damaged at the peer");
  trace("  damaged " + id.hex().substr(0, 12) + " of " + tenant.name);
  if (one_in(2)) find_damage(tenant, id);
}

void SimWorld::find_damage(SimTenant& tenant, const ObjectId& id) {
  if (const auto space = hosted(tenant)) static_cast<void>(space->get(id));
}

// A station whose program is wrong, or stolen: what it may not do must be refused.
void SimWorld::careless_push() {
  SimStation* station = draw_station();
  if (station == nullptr) return;
  const auto pending = (*station)->unreceipted();
  if (!pending || pending->empty()) return;
  const storage::Commit& commit = pending->front();
  count("careless push");
  if (one_in(2))
    push_parent_alone(*station, commit);
  else
    commit_without_lease(*station, commit);
  after_disk_trouble();
}

void SimWorld::push_parent_alone(SimStation& station, const storage::Commit& commit) {
  const auto caller =
      peer_.host->caller(crypto::transport_public(station->device_keys().transport_seed), station.tenant->space);
  const auto root = station->objects().get(station.tenant->space, commit.clear.root);
  const auto children = station->objects().children(station.tenant->space, commit.clear.root);
  const auto encoded = station->store().commit(commit.id);
  if (!caller || !root || !children || !encoded || !*encoded) return;
  const auto known = caller->space->commit_bytes(commit.id);
  if (!known || *known) return;  // taken before we went back: the same again is right, also when it has ended since
  const auto facts = caller->space->facts(*children);
  const auto lease = caller->space->open_lease(caller->device);
  if (!facts || !lease) return;
  bool any_missing = false;
  for (std::size_t i = 0; i < children->size(); ++i)
    any_missing = any_missing || (!(*facts)[i] && !is_openly_damaged(*station.tenant, *caller->space, (*children)[i]));
  if (!any_missing) return;
  if (caller->space->put(lease->id, {&*root, 1})) violated("the peer took an object before what it is made of");
  const auto receipt = caller->space->accept_commit(lease->id, caller->device, **encoded, {});
  if (receipt) receipt_made(*receipt);
}

void SimWorld::commit_without_lease(SimStation& station, const storage::Commit& commit) {
  const auto caller =
      peer_.host->caller(crypto::transport_public(station->device_keys().transport_seed), station.tenant->space);
  const auto encoded = station->store().commit(commit.id);
  if (!caller || !encoded || !*encoded) return;
  const auto known = caller->space->commit_bytes(commit.id);
  if (!known || *known) return;  // taken before, and its receipt was lost: the same again is right
  const auto lease = random_.fixed<storage::LeaseId>();
  if (caller->space->accept_commit(lease, caller->device, **encoded, {}))
    violated("the peer took a snapshot that no lease held");
}

void SimWorld::chores_step(std::uint64_t which) {
  Result<bool> more = false;
  if (which == 0) more = peer_.chores->expire_step();
  if (which == 1) more = peer_.chores->collect_step();
  if (which == 2) more = peer_.chores->scrub_step();
  if (!more) trace(std::string("  chores: ") + more.error().message());
  count_chores();
}

void SimWorld::do_chores() {
  constexpr std::uint64_t kSteps = 60;
  if (one_in(2))
    for (std::uint64_t i = peer_.host->spaces().size() + 1; i > 0; --i) chores_step(0);
  const std::uint64_t which = one_in(3) ? 2 : 1;
  for (std::uint64_t i = draw(kSteps); i > 0; --i) chores_step(which);
  after_disk_trouble();
  check_now(true);
}

void SimWorld::restart_peer() {
  peer_.close();
  make_room();
  const auto opened = peer_.open();
  if (!opened) violated("the peer does not open: " + opened.error().message());
}

// A new machine takes the place of one that was lost, or went back in time.
void SimWorld::replace_station() {
  constexpr std::size_t kMaxStations = 6;
  SimStation* lost = draw_station();
  if (lost == nullptr || stations_.size() >= kMaxStations) return;
  restart_peer();
  if (!violations_.empty()) return;
  count("station replaced");
  const bool keep_others = !lost->went_back && one_in(2);
  SimStation& fresh = add_station(*lost->tenant);
  fresh.files = lost->files;
  const auto recovered = recover_as(fresh, keep_others);
  if (!recovered) {
    trace("  not recovered: " + recovered.error().message());
    if (!was_damaged_) violated("recovery fails: " + recovered.error().message());
    fresh.removed = true;
    return;
  }
  if (keep_others) return;
  for (const auto& station : stations_)
    if (station.get() != &fresh && station->tenant == fresh.tenant) station->removed = true;
}

Result<void> SimWorld::recover_as(SimStation& fresh, bool keep_others) {
  Result<void> out;
  Work work;
  auto run = [](SimWorld& world, SimStation& station, bool keep, Result<void>& result) -> asio::awaitable<void> {
    result = co_await world.recover_over(station, keep);
  };
  work.push_back(run(*this, fresh, keep_others, out));
  run_all(std::move(work));
  return out;
}

asio::awaitable<Result<void>> SimWorld::recover_over(SimStation& fresh, bool keep_others) {
  SimTenant& tenant = *fresh.tenant;
  const auto request = fresh->device_request();
  if (!request) co_return forward_error(request);
  const auto dial = connector(quiet_plan(nullptr));
  BEFFROI_CO_TRY(auto link, co_await daemon::PeerLink::connect(dial, "memory:1", tenant.root.transport_seed,
                                                               peer_.host->public_part(), tenant.space));
  BEFFROI_CO_TRY(std::vector<Bytes> records, co_await link->fetch_log(0));
  BEFFROI_CO_TRY(const auto log, storage::SpaceLog::from_records(records, tenant.space));
  BEFFROI_CO_TRY(const auto heads, co_await link->fetch_heads());
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.keep_others = keep_others;
  for (const auto& head : heads) plan.heads[head.device] = {head.commit, head.sequence};
  const auto added = storage::recover_vault(tenant.root, *request, plan, fresh.clock.now(), fresh.random);
  if (!added) co_return forward_error(added);
  for (const Bytes& record : *added) {
    BEFFROI_CO_CHECK(co_await link->append_record(record));
    records.push_back(record);
  }
  co_await link->close();
  BEFFROI_CO_CHECK(fresh->found(records));
  BEFFROI_CO_CHECK(fresh->bind_peer({peer_.host->public_part(), "memory:1"}));
  BEFFROI_CO_TRY(auto own, co_await connect(fresh, quiet_plan(&fresh)));
  auto fetched = co_await own->fetch_trees(*fresh, pool_, progress_);
  if (!fetched && fetched.error().code == ErrorCode::wrong_state && fresh.clock.now() < peer_.trusted->now()) {
    // Asked to, its user puts the clock right: by the only other one there is.
    fresh.clock.wall_s = peer_.trusted->now().seconds;
    fetched = co_await own->fetch_trees(*fresh, pool_, progress_);
  }
  if (!fetched) co_return forward_error(fetched);
  co_await own->close();
  co_return Result<void>();
}

}  // namespace beffroi::sim
