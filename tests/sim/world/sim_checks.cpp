// What must be true after every action, and what must come about at the end.
#include <algorithm>

#include "storage/store/lease_store.h"
#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {

using storage::Commit;
using storage::ObjectId;

void SimWorld::check_now(bool everything) {
  if (!violations_.empty() || !everything) return;
  for (const auto& tenant : tenants_) check_space(*tenant);
}

void SimWorld::check_space(SimTenant& tenant) {
  const auto space = hosted(tenant);
  if (!space) return;
  check_receipts(tenant, *space);
  check_leases(tenant, *space);
  check_children(tenant);
}

// Every receipt that exists continues the one before, and is for a whole snapshot; every one that was given exists.
void SimWorld::check_receipts(SimTenant& tenant, daemon::HostedSpace& space) {
  std::set<ObjectId> whole;
  std::optional<storage::ReceiptId> before;
  std::uint64_t next = 1;
  while (true) {
    const auto shown = space.receipts_from(next);
    if (!shown) return violated("the peer cannot show its receipts: " + shown.error().message());
    if (shown->empty()) break;
    for (const Bytes& encoded : *shown) {
      const auto receipt = storage::decode_receipt(encoded, peer_.host->public_part().sign);
      if (!receipt || receipt->counter != next || receipt->previous != before)
        return violated("receipt " + std::to_string(next) + " does not continue the one before it");
      before = receipt->id;
      ++next;
      check_receipt(tenant, space, *receipt, encoded, whole);
    }
  }
  const auto& given = claims_.given(tenant.space);
  if (!given.empty() && given.rbegin()->first >= next)
    violated("the peer has lost receipt " + std::to_string(given.rbegin()->first));
}

void SimWorld::check_receipt(SimTenant& tenant, daemon::HostedSpace& space, const storage::Receipt& receipt,
                             ByteView encoded, std::set<ObjectId>& whole) {
  const std::string name = "receipt " + std::to_string(receipt.counter);
  const auto& given = claims_.given(tenant.space);
  const auto same = given.find(receipt.counter);
  if (same != given.end() && !std::ranges::equal(same->second.encoded, encoded))
    return violated("the peer has another " + name + " than it gave");
  const auto ended = peer_.chores->has_ended(tenant.space, receipt.commit);
  if (ended && *ended) return;
  const auto bytes = space.commit_bytes(receipt.commit);
  if (!bytes || !*bytes) return violated("the snapshot of " + name + " is gone");
  const auto commit = storage::decode_commit(**bytes);
  const std::string hole = commit ? hole_below(space, commit->clear.root, whole) : "its record is malformed";
  if (!hole.empty()) violated("the snapshot of " + name + " is not whole: " + hole);
}

// Empty when all below `root` is there, or openly damaged. `whole` is known to be already.
std::string SimWorld::hole_below(daemon::HostedSpace& space, const ObjectId& root, std::set<ObjectId>& whole) {
  const SimTenant* tenant = nullptr;
  for (const auto& each : tenants_)
    if (each->space == space.space()) tenant = each.get();
  std::vector<ObjectId> open{root};
  while (!open.empty()) {
    const ObjectId id = open.back();
    open.pop_back();
    if (!whole.insert(id).second) continue;
    const auto bytes = peer_.host->objects().get(space.space(), id);
    const bool sound = bytes && storage::object_id(*bytes) == id;
    if (!sound && !is_openly_damaged(*tenant, space, id)) {
      whole.erase(id);
      return "the object " + id.hex().substr(0, 12) + " is missing";
    }
    const auto children = peer_.host->objects().children(space.space(), id);
    if (children) open.insert(open.end(), children->begin(), children->end());
  }
  return {};
}

// We damaged it; and either nobody has noticed yet, or the peer asks for it.
bool SimWorld::is_openly_damaged(const SimTenant& tenant, daemon::HostedSpace& space, const ObjectId& id) {
  if (!damaged_[tenant.space].contains(id)) return false;
  const auto info = peer_.host->objects().info(tenant.space, id);
  if (info && *info && (*info)->bytes_present && !(*info)->quarantined) return true;
  const auto wanted = space.wanted_for_healing();
  return wanted && std::ranges::find(*wanted, id) != wanted->end();
}

// What was called durable is there, and held by its lease.
void SimWorld::check_leases(SimTenant& tenant, daemon::HostedSpace& space) {
  const storage::LeaseStore leases(peer_.host->database(), tenant.space);
  for (auto held = claims_.held().begin(); held != claims_.held().end();) {
    const auto current = held++;
    if (current->second.space != tenant.space) continue;
    const auto lease = leases.find(current->first);
    if (!lease || !*lease) {
      const auto newest = space.newest_receipt();
      const bool by_commit = newest && *newest > current->second.receipts;
      if (!by_commit && peer_.running_seconds < current->second.last_contact + storage::kLeaseIdleSeconds)
        return violated("a lease ended before its time");
      claims_.held().erase(current);
      continue;
    }
    std::set<ObjectId> pinned;
    const auto read =
        leases.for_each_pin(current->first, ObjectId{}, [&](const ObjectId& id) { return pinned.insert(id).second; });
    if (!read) return violated("pins cannot be read");
    for (const ObjectId& id : current->second.objects) {
      std::set<ObjectId> whole;
      if (!pinned.contains(id)) return violated("an object that was called durable is not held by its lease");
      const std::string hole = hole_below(space, id, whole);
      if (!hole.empty()) return violated("what was called durable is lost: " + hole);
    }
  }
}

// Whatever is here has its children, if only as damaged: a push does not look below what is here, so it would never
// send them, and its snapshot would be refused for ever.
void SimWorld::check_children(const SimTenant& tenant) {
  auto& objects = peer_.host->objects();
  std::set<ObjectId> here;
  const auto listed = objects.iterate(tenant.space, [&](const ObjectId& id, const storage::ObjectInfo&) {
    here.insert(id);
    return true;
  });
  if (!listed) return violated("the peer's objects cannot be listed");
  for (const ObjectId& id : here) {
    const auto children = objects.children(tenant.space, id);
    if (!children) continue;
    for (const ObjectId& child : *children)
      if (!here.contains(child))
        return violated("an object that the object " + id.hex().substr(0, 12) + " is made of went before it");
  }
}

// Snapshots that were said to be taken are here, and only what the peer signed counts as receipted.
void SimWorld::check_station(SimStation& station) {
  if (!violations_.empty() || !station->founded()) return;
  for (const auto& id : station.durable) check_station_commit(station, id);
  for (std::uint64_t counter = 1;; ++counter) {
    const auto receipt = station->store().receipt(counter);
    if (!receipt || !*receipt) break;
    if (!claims_.was_given(station.tenant->space, **receipt))
      return violated(station.name + " holds a receipt that the peer did not give");
  }
}

void SimWorld::check_station_commit(SimStation& station, const storage::CommitId& id) {
  const auto encoded = station->store().commit(id);
  if (!encoded || !*encoded) return violated(station.name + " has lost a snapshot that it had taken");
  const auto commit = storage::decode_commit(**encoded);
  if (!commit) return violated(station.name + " holds a malformed snapshot");
  const auto expired = station->store().expired(id);
  if (expired && *expired) return;
  const auto keys = station->keys();
  const auto epoch = keys->epoch(commit->clear.epoch);
  const auto sealed = epoch ? storage::open_commit(*commit, *epoch) : Result<storage::CommitSealed>();
  if (!epoch || !sealed || sealed->tags.size() != 1) return violated(station.name + " cannot open its own snapshot");
  // Contents that were lost on both sides are named; what was never damaged must be here.
  if (was_damaged_) return;
  const storage::ObjectOpener opener(keys, station->local_source());
  const auto wrong = difference(opener, commit->clear.root, station.tenant->snapshots.at(sealed->tags.front()));
  if (wrong) violated(station.name + ", snapshot " + sealed->tags.front() + ": " + *wrong);
}

}  // namespace beffroi::sim
