// The end of a seed: all faults stop, everybody who is sound gets receipts, what is damaged is healed, and somebody who
// has nothing but the words of the kit reads everything back.
#include <algorithm>

#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {

using storage::Commit;
using storage::ObjectId;

void SimWorld::come_to_rest() {
  trace("the end");
  for (const auto& station : stations_) station->disk->mend();
  crash_peer(SimDisk::Stop::power);
  for (const auto& station : stations_)
    if (violations_.empty()) crash_station(*station, SimDisk::Stop::power);
  if (violations_.empty()) heal_everything();
  for (const auto& station : stations_) {
    if (!violations_.empty()) return;
    if (station->is_sound() && !comes_through(*station)) violated(station->name + " gets no receipt any more");
  }
  // Once more: what one could not heal, another one may have healed or stored anew.
  for (const auto& station : stations_)
    if (station->is_sound() && violations_.empty()) comes_through(*station);
  check_now(true);
  for (const auto& tenant : tenants_)
    if (violations_.empty()) check_healed(*tenant);
  for (const auto& station : stations_)
    if (violations_.empty()) check_station(*station);
  for (const auto& tenant : tenants_)
    if (violations_.empty()) check_recovery(*tenant);
}

// Whatever was damaged is found.
void SimWorld::heal_everything() {
  for (const auto& tenant : tenants_) {
    const std::set<ObjectId> ids = damaged_[tenant->space];
    for (const ObjectId& id : ids) find_damage(*tenant, id);
  }
}

// What is damaged below a held snapshot has been sent again, if a sound station still has it.
void SimWorld::check_healed(SimTenant& tenant) {
  const auto space = hosted(tenant);
  if (!space) return;
  for (const auto& [counter, given] : claims_.given(tenant.space)) {
    const auto ended = peer_.chores->has_ended(tenant.space, given.commit);
    const auto encoded = space->commit_bytes(given.commit);
    if (!ended || *ended || !encoded || !*encoded) continue;
    const auto commit = storage::decode_commit(**encoded);
    if (!commit) continue;
    for (const ObjectId& id : closure_at_peer(tenant, commit->clear.root))
      if (!is_sound_at_peer(tenant, id)) check_healed(tenant, id);
  }
}

void SimWorld::check_healed(SimTenant& tenant, const ObjectId& id) {
  for (const auto& station : stations_) {
    if (station->tenant != &tenant || !station->is_sound()) continue;
    const auto local = (*station)->objects().info(tenant.space, id);
    if (local && *local && (*local)->bytes_present && !(*local)->quarantined)
      violated("the damaged object " + id.hex().substr(0, 12) + " is not healed, and " + station->name + " has it");
  }
}

bool SimWorld::is_sound_at_peer(const SimTenant& tenant, const ObjectId& id) {
  const auto bytes = peer_.host->objects().get(tenant.space, id);
  return bytes && storage::object_id(*bytes) == id;
}

// As the nightly job does it: backs up, synchronises, and the next night again when that was refused with a reason.
bool SimWorld::comes_through(SimStation& station) {
  constexpr int kNights = 6;
  for (int i = 0; i < kNights && violations_.empty(); ++i) {
    if (i > 0) snapshot(station);
    Work work;
    bool done = false;
    auto night = [](SimWorld& world, SimStation& who, bool& through) -> asio::awaitable<void> {
      const auto pushed = co_await world.talk(who, world.quiet_plan(&who));
      if (!pushed) world.note_error(who, "at the end", pushed.error());
      through = pushed.has_value();
    };
    work.push_back(night(*this, station, done));
    run_all(std::move(work));
    const auto pending = station->unreceipted();
    if (done && pending && pending->empty()) return true;
  }
  if (tracing_) tell_wishes(station);
  return false;
}

// For whoever looks why a station is stuck: what the peer asks for, and what is known of it on both sides.
void SimWorld::tell_wishes(SimStation& station) {
  const auto space = hosted(*station.tenant);
  const auto wanted = space ? space->wanted_for_healing() : Result<std::vector<ObjectId>>();
  if (!wanted) return;
  for (const ObjectId& id : *wanted) {
    const auto row = peer_.host->objects().info(station.tenant->space, id);
    const auto local = station->objects().info(station.tenant->space, id);
    const auto children = station->objects().children(station.tenant->space, id);
    const auto facts = children ? space->facts(*children) : Result<std::vector<std::optional<storage::ObjectInfo>>>();
    std::size_t lacking = 0;
    if (facts)
      for (const auto& fact : *facts) lacking += fact ? 0 : 1;
    trace("  wanted: " + id.hex().substr(0, 12) + (row && *row ? ", with" : ", without") + " facts at the peer; " +
          (local && *local && (*local)->bytes_present ? "here, epoch " + std::to_string((*local)->epoch.value)
                                                      : "not here") +
          "; of its children the peer lacks " + std::to_string(lacking));
  }
}

void SimWorld::check_recovery(SimTenant& tenant) {
  Work work;
  auto read = [](SimWorld& world, SimTenant& of) -> asio::awaitable<void> {
    const auto dial = world.connector(world.quiet_plan(nullptr));
    const auto link = co_await daemon::PeerLink::connect(dial, "memory:1", of.root.transport_seed,
                                                         world.peer_.host->public_part(), of.space);
    if (!link) co_return world.violated("the root is not let in: " + link.error().message());
    co_await world.read_everything(of, **link);
    co_await (*link)->close();
  };
  work.push_back(read(*this, tenant));
  run_all(std::move(work));
}

// Log, keys, commits and objects, all from the peer; of what we know, only which receipts it gave.
asio::awaitable<void> SimWorld::read_everything(SimTenant& tenant, daemon::PeerLink& link) {
  const auto records = co_await link.fetch_log(0);
  if (!records) co_return violated("the log cannot be fetched: " + records.error().message());
  const auto log = storage::SpaceLog::from_records(*records, tenant.space);
  if (!log) co_return violated("the log does not verify: " + log.error().message());
  const auto access = storage::open_access(*log, tenant.root);
  if (!access) co_return violated("the root cannot open its keys: " + access.error().message());
  const auto heads = co_await link.fetch_heads();
  if (!heads) co_return violated("heads cannot be fetched: " + heads.error().message());
  std::map<storage::CommitId, Commit> commits;
  for (const auto& head : *heads) {
    for (std::uint64_t sequence = 1; sequence <= head.sequence; ++sequence) {
      const auto encoded = co_await link.fetch_commit(head.device, sequence);
      const auto commit = encoded && *encoded ? storage::decode_commit(**encoded) : Result<Commit>();
      if (!encoded || !*encoded || !commit) co_return violated("a commit cannot be fetched");
      if (log->accepts(*commit)) commits.emplace(commit->id, *commit);
    }
  }
  std::map<ObjectId, Bytes> objects;
  for (const auto& [counter, given] : claims_.given(tenant.space)) {
    const auto ended = peer_.chores->has_ended(tenant.space, given.commit);
    if (ended && *ended) continue;
    const auto commit = commits.find(given.commit);
    if (commit == commits.end()) co_return violated("snapshot " + given.commit.hex().substr(0, 12) + " is not shown");
    const auto fetched = co_await fetch_below(link, commit->second.clear.root, objects);
    if (!fetched) co_return violated("objects cannot be fetched: " + fetched.error().message());
    check_restored(tenant, commit->second, *access, objects);
  }
}

// Adds all below `root` that the peer gives and that is not there already.
asio::awaitable<Result<void>> SimWorld::fetch_below(daemon::PeerLink& link, ObjectId root,
                                                    std::map<ObjectId, Bytes>& objects) {
  std::set<ObjectId> seen{root};
  std::vector<ObjectId> open{root};
  while (!open.empty()) {
    std::vector<ObjectId> absent;
    for (const ObjectId& id : open)
      if (!objects.contains(id)) absent.push_back(id);
    BEFFROI_CO_TRY(auto fetched, co_await link.fetch_objects(absent));
    for (std::size_t i = 0; i < absent.size(); ++i)
      if (fetched[i]) objects.emplace(absent[i], std::move(*fetched[i]));
    std::vector<ObjectId> below;
    for (const ObjectId& id : open) {
      const auto found = objects.find(id);
      if (found == objects.end()) continue;
      BEFFROI_CO_TRY(const auto header, storage::decode_header(found->second));
      for (const ObjectId& child : header.children)
        if (seen.insert(child).second) below.push_back(child);
    }
    open = std::move(below);
  }
  co_return Result<void>();
}

namespace {

class FetchedObjects final : public storage::ObjectSource {
 public:
  explicit FetchedObjects(const std::map<ObjectId, Bytes>& objects) : objects_(objects) {}
  Result<Bytes> get(const ObjectId& id) override {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return fail(ErrorCode::not_found, "absent");
    return found->second;
  }

 private:
  const std::map<ObjectId, Bytes>& objects_;
};

}  // namespace

void SimWorld::check_restored(SimTenant& tenant, const Commit& commit, const storage::SpaceAccess& access,
                              const std::map<ObjectId, Bytes>& objects) {
  const auto epoch = access.keys->epoch(commit.clear.epoch);
  const auto sealed = epoch ? storage::open_commit(commit, *epoch) : Result<storage::CommitSealed>();
  if (!epoch || !sealed || sealed->tags.size() != 1) return violated("a snapshot does not open with the kit");
  const auto keys = access.generations.find(sealed->content_generation);
  if (keys == access.generations.end()) return violated("a snapshot's digest keys are not there");
  const storage::ObjectOpener opener(keys->second, std::make_shared<FetchedObjects>(objects));
  const auto wrong = difference(opener, commit.clear.root, tenant.snapshots.at(sealed->tags.front()));
  ++restored_;
  // A loss that nobody could heal stands in the list of what the peer wants: check_receipts() has seen to that.
  if (wrong && !is_damaged_below(tenant, commit.clear.root))
    violated("snapshot " + sealed->tags.front() + " does not restore: " + *wrong);
}

std::set<ObjectId> SimWorld::closure_at_peer(const SimTenant& tenant, const ObjectId& root) {
  std::vector<ObjectId> open{root};
  std::set<ObjectId> seen{root};
  while (!open.empty()) {
    const ObjectId id = open.back();
    open.pop_back();
    const auto children = peer_.host->objects().children(tenant.space, id);
    if (!children) continue;
    for (const ObjectId& child : *children)
      if (seen.insert(child).second) open.push_back(child);
  }
  return seen;
}

bool SimWorld::is_damaged_below(const SimTenant& tenant, const ObjectId& root) {
  const auto& damaged = damaged_[tenant.space];
  return std::ranges::any_of(closure_at_peer(tenant, root), [&](const ObjectId& id) { return damaged.contains(id); });
}

}  // namespace beffroi::sim
