// Conversations between stations and the peer, over lines that may be cut, and what goes on beside them.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "crypto/assert.h"
#include "daemon/sync/peer_server.h"
#include "daemon/sync/stored_objects.h"
#include "storage/store/lease_store.h"
#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {

using daemon::PeerLink;
using daemon::PushResult;
using storage::ObjectId;

daemon::Connector SimWorld::connector(const FaultPlan& plan) {
  return
      [this, plan](const std::string&, const crypto::SecretBytes& seed,
                   crypto::TransportPublicKey expected) -> asio::awaitable<Result<std::unique_ptr<daemon::Channel>>> {
        const auto client = crypto::transport_public(seed);
        const auto listener = peer_.host->public_part().transport;
        if (!expected.is_zero() && expected != listener) co_return fail(ErrorCode::refused, "another key");
        if (!peer_.host->admits(client)) co_return fail(ErrorCode::refused, "does not know this computer");
        auto pair = daemon::testing::make_memory_pair(context_.get_executor(), plan, client, listener);
        lines_.push_back(pair.line);
        auto tapped = std::make_unique<TappedChannel>(std::move(pair.listener), ear(client));
        asio::co_spawn(context_, daemon::serve_station(std::move(tapped), *peer_.host, shares_), asio::detached);
        co_return std::move(pair.client);
      };
}

TappedChannel::Ear SimWorld::ear(const crypto::TransportPublicKey& client) {
  TappedChannel::Ear out;
  out.receipt_made = [this](const Bytes& receipt) { receipt_made(receipt); };
  out.receipt_sent = [this](const Bytes& receipt) { receipt_sent(receipt); };
  out.durable_sent = [this, client](const storage::LeaseId& lease, const std::set<ObjectId>& objects) {
    const auto caller = peer_.host->caller(client, {});
    if (!caller) return;
    // Another session of the station may have ended the lease with a commit: then nothing is held any more.
    const auto space = caller->space->space();
    const auto open = storage::LeaseStore(peer_.host->database(), space).find(lease);
    const auto newest = caller->space->newest_receipt();
    if (open && *open && newest) claims_.hold(lease, {space, objects, peer_.running_seconds, *newest});
  };
  return out;
}

// Not even when nobody hears of it: a receipt for less than everything must not exist.
void SimWorld::receipt_made(const Bytes& encoded) {
  const auto receipt = storage::decode_receipt(encoded, peer_.host->public_part().sign);
  if (!receipt) return violated("the peer sends a receipt that it did not sign");
  for (const auto& tenant : tenants_) {
    if (tenant->space != receipt->space) continue;
    const auto space = hosted(*tenant);
    if (!space) return;
    const auto commit = space->commit_bytes(receipt->commit);
    if (!commit || !*commit) return violated("the peer gives a receipt for a snapshot that it does not have");
    const auto decoded = storage::decode_commit(**commit);
    std::set<ObjectId> whole;
    const std::string hole = decoded ? hole_below(*space, decoded->clear.root, whole) : "the commit is malformed";
    if (!hole.empty()) violated("the peer gives a receipt for an incomplete snapshot: " + hole);
  }
}

void SimWorld::receipt_sent(const Bytes& encoded) {
  const auto receipt = storage::decode_receipt(encoded, peer_.host->public_part().sign);
  if (!receipt) return violated("the peer sends a receipt that it did not sign");
  if (!claims_.give(*receipt, encoded))
    violated("the peer signed two receipts with number " + std::to_string(receipt->counter));
}

FaultPlan SimWorld::quiet_plan(SimStation* station) {
  FaultPlan out;
  out.seed = draw(UINT32_MAX);
  out.power_is_cut = [this, station] {
    return peer_.disk->has_stopped() || (station != nullptr && station->disk->has_stopped());
  };
  return out;
}

FaultPlan SimWorld::draw_plan(SimStation* station, bool may_cut) {
  constexpr std::uint64_t kFrames = 60;
  constexpr std::uint64_t kBytes = 60'000;
  constexpr std::uint64_t kYields = 4;
  FaultPlan out = quiet_plan(station);
  out.max_yields = draw(kYields);
  if (!may_cut) return out;
  if (one_in(2))
    out.cut_after_frames = draw(kFrames);
  else
    out.cut_after_bytes = draw(kBytes);
  return out;
}

asio::awaitable<Result<std::unique_ptr<PeerLink>>> SimWorld::connect(SimStation& station, FaultPlan plan) {
  const auto dial = connector(plan);
  const auto binding = station->peer();
  if (!binding) co_return fail(ErrorCode::wrong_state, "not joined");
  co_return co_await PeerLink::connect(dial, binding->address, station->device_keys().transport_seed, binding->peer,
                                       station.tenant->space);
}

asio::awaitable<Result<PushResult>> SimWorld::talk(SimStation& station, FaultPlan plan) {
  BEFFROI_CO_TRY(auto link, co_await connect(station, std::move(plan)));
  BEFFROI_CO_CHECK(co_await link->exchange_state(*station, pool_));
  auto pushed = co_await link->push(*station, pool_, progress_);
  if (pushed) co_await link->close();
  co_return pushed;
}

asio::awaitable<void> SimWorld::sync(SimStation& station, FaultPlan plan) {
  const auto pushed = co_await talk(station, std::move(plan));
  if (!pushed) co_return note_error(station, "sync", pushed.error());
  receipts_ += pushed->commits;
  trace("  " + station.name + " got " + std::to_string(pushed->commits) + " receipts, sent " +
        std::to_string(pushed->objects_sent) + " objects");
}

// What an honest peer must never be accused of, and what an honest station must never be told.
void SimWorld::note_error(SimStation& station, const char* doing, const Error& error) {
  trace("  " + station.name + ", " + doing + ": " + error_code_name(error.code) + ", " + error.message());
  const bool speaks_wrongly = error.code == ErrorCode::protocol || error.code == ErrorCode::limit_exceeded;
  const bool accuses = error.code == ErrorCode::corrupt && !station.went_back && !was_damaged_;
  if (speaks_wrongly || accuses) violated(station.name + ", " + doing + ": " + error.message());
}

asio::awaitable<void> SimWorld::pass_turns(std::uint64_t turns) {
  for (; turns > 0; --turns) co_await asio::post(context_.get_executor(), asio::use_awaitable);
}

// All objects of the newest snapshot but its root, in pieces, as a backup hands them over.
asio::awaitable<void> SimWorld::send_ahead(SimStation& station, FaultPlan plan) {
  const auto newest = station->latest();
  if (!newest || !*newest) co_return;
  std::map<std::uint8_t, std::vector<ObjectId>> by_height;
  std::vector<ObjectId> open{(*newest)->commit.clear.root};
  std::set<ObjectId> seen;
  while (!open.empty()) {
    const ObjectId id = open.back();
    open.pop_back();
    const auto info = station->objects().info(station.tenant->space, id);
    const auto children = station->objects().children(station.tenant->space, id);
    if (!info || !*info || !(*info)->bytes_present || !children || !seen.insert(id).second) continue;
    by_height[(*info)->height].push_back(id);
    open.insert(open.end(), children->begin(), children->end());
  }
  std::vector<ObjectId> order;
  for (const auto& [height, ids] : by_height) order.insert(order.end(), ids.begin(), ids.end());
  if (!order.empty()) order.pop_back();
  auto link = co_await connect(station, std::move(plan));
  if (!link) co_return note_error(station, "sending ahead", link.error());
  daemon::StoredObjects stored(context_.get_executor());
  bool ended = false;
  auto feed = [](SimWorld& world, daemon::StoredObjects& to, std::vector<ObjectId> ids,
                 bool& done) -> asio::awaitable<void> {
    constexpr std::size_t kPiece = 5;
    for (std::span<const ObjectId> rest = ids; !rest.empty();) {
      const auto piece = rest.first(std::min(kPiece, rest.size()));
      to.add(piece);
      rest = rest.subspan(piece.size());
      co_await world.pass_turns(3);
    }
    co_await world.pass_turns(200);
    to.finish();
    done = true;
  };
  asio::co_spawn(context_, feed(*this, stored, order, ended), asio::detached);
  const auto sent = co_await (*link)->send_ahead(*station, pool_, stored, nullptr);
  if (!sent) note_error(station, "sending ahead", sent.error());
  while (!ended) co_await pass_turns(1);
  if (sent) co_await (*link)->close();
}

asio::awaitable<void> SimWorld::fetch(SimStation& station, FaultPlan plan) {
  const auto& given = claims_.given(station.tenant->space);
  if (given.empty()) co_return;
  const auto chosen = std::next(given.begin(), static_cast<std::ptrdiff_t>(draw(given.size())));
  const auto space = hosted(*station.tenant);
  const auto commit = space ? space->commit_bytes(chosen->second.commit) : Result<std::optional<Bytes>>();
  if (!commit || !*commit) co_return violated("a snapshot that has a receipt is gone");
  const auto decoded = storage::decode_commit(**commit);
  if (!decoded) co_return violated("a snapshot that has a receipt is malformed");
  if (const auto ended = peer_.chores->has_ended(station.tenant->space, decoded->id); ended && *ended) co_return;
  auto link = co_await connect(station, std::move(plan));
  if (!link) co_return note_error(station, "fetching", link.error());
  std::map<ObjectId, Bytes> objects;
  const auto fetched = co_await fetch_below(**link, decoded->clear.root, objects);
  if (!fetched) co_return note_error(station, "fetching", fetched.error());
  co_await (*link)->close();
  const auto access = storage::open_access(space->log(), station.tenant->root);
  if (access) check_restored(*station.tenant, *decoded, *access, objects);
}

// An honest peer gives everything back but what was damaged.
asio::awaitable<void> SimWorld::audit(SimStation& station, FaultPlan plan) {
  auto link = co_await connect(station, std::move(plan));
  if (!link) co_return note_error(station, "audit", link.error());
  const auto exchanged = co_await (*link)->exchange_state(*station, pool_);
  if (!exchanged) co_return note_error(station, "audit", exchanged.error());
  const auto report = co_await (*link)->audit(*station, pool_, station.random, progress_);
  if (!report) co_return note_error(station, "audit", report.error());
  co_await (*link)->close();
  for (const ObjectId& id : report->missing)
    if (!damaged_[station.tenant->space].contains(id) && !station.went_back)
      violated("the peer does not give back " + id.hex().substr(0, 12));
}

// What the peer does while stations talk to it.
asio::awaitable<void> SimWorld::busy_peer(std::uint64_t steps) {
  constexpr std::uint64_t kTurns = 20;
  constexpr std::uint64_t kThings = 10;
  for (; steps > 0; --steps) {
    co_await pass_turns(draw(kTurns));
    const std::uint64_t thing = draw(kThings);
    if (thing < 3)
      chores_step(thing);
    else if (thing < 8)
      chores_step(1);
    else if (thing == 8)
      damage();
    else
      run_background();
  }
}

void SimWorld::run_all(Work work) {
  std::size_t open = work.size();
  for (auto& one : work)
    asio::co_spawn(context_, std::move(one), [&open](const std::exception_ptr& thrown) {
      --open;
      if (thrown) std::rethrow_exception(thrown);
    });
  context_.restart();
  while (open > 0 && context_.run_one() > 0) continue;
  BEFFROI_ASSERT(open == 0);
  for (const auto& line : lines_) {
    if (line->broken && !line->plan.power_is_cut()) count("line cut");
    line->cut();
  }
  while (context_.poll() > 0) continue;
  lines_.clear();
}

}  // namespace beffroi::sim
