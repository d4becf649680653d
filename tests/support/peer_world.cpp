#include "tests/support/peer_world.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "daemon/sync/peer_server.h"

namespace beffroi::daemon::testing {

std::set<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::set<std::uint64_t> out;
  for (std::uint64_t i = from; i < to; ++i) out.insert(i);
  return out;
}

std::set<std::uint64_t> numbers(std::uint64_t to) { return numbers(0, to); }

storage::Commit take_snapshot(Vault& vault, const std::set<std::uint64_t>& files, std::size_t bytes) {
  VaultSink sink(vault);
  storage::TreeBuilder tree(sink.keys(), sink);
  for (const std::uint64_t number : files) {
    crypto::SeededRandom random(number);
    Bytes content(bytes + number);
    random.fill(content);
    storage::Segment segment{.length = content.size(), .object = {}, .digest = sink.keys().digests().chunk(content)};
    auto stored = sink.put(storage::ObjectKind::chunk, segment.digest, {}, content);
    BEFFROI_ASSERT(stored.has_value());
    segment.object = *stored;
    storage::Entry entry;
    std::string name = std::to_string(number);
    entry.path = "file" + std::string(6 - name.size(), '0') + name;
    entry.size = content.size();
    entry.segments = {segment};
    entry.content_digest = storage::content_digest_of(sink.keys().digests(), entry.segments);
    BEFFROI_ASSERT(tree.add(entry).has_value());
  }
  const auto root = tree.finish();
  BEFFROI_ASSERT(root.has_value());
  auto commit = vault.commit(*root, {}, 0);
  BEFFROI_ASSERT(commit.has_value());
  return std::move(*commit);
}

std::set<storage::ObjectId> closure_of(storage::ObjectStore& objects, const storage::Commit& commit) {
  std::set<storage::ObjectId> out{commit.clear.root};
  std::vector<storage::ObjectId> open{commit.clear.root};
  while (!open.empty()) {
    const storage::ObjectId id = open.back();
    open.pop_back();
    const auto children = objects.children(commit.clear.space, id);
    if (!children) continue;
    for (const auto& child : *children)
      if (out.insert(child).second) open.push_back(child);
  }
  return out;
}

PeerWorld::PeerWorld(std::uint64_t seed, rocksdb::Env* peer_disk) : pool(0), shares(pool), random(seed) {
  database_options.env = peer_disk;
  reopen_peer();
}

PeerWorld::~PeerWorld() { close_peer(); }

void PeerWorld::close_peer() {
  // Sessions end when their line does; each turn lets them see it.
  if (line) line->cut();
  while (context.poll() > 0) continue;
  host.reset();
}

void PeerWorld::reopen_peer() {
  close_peer();
  auto opened = PeerHost::open(folder.path() + "/peer", clock, random, database_options);
  if (!opened) throw std::runtime_error(opened.error().message());
  host = std::move(*opened);
}

Connector PeerWorld::connector(const FaultPlan& plan) {
  return [this, plan](const std::string& address, const crypto::SecretBytes& seed,
                      crypto::TransportPublicKey expected) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
    (void)address;
    const auto client = crypto::transport_public(seed);
    const auto listener = host->public_part().transport;
    if (!expected.is_zero() && expected != listener) co_return fail(ErrorCode::refused, "another key");
    if (!host->admits(client)) co_return fail(ErrorCode::refused, "does not know this computer");
    MemoryPair pair = make_memory_pair(context.get_executor(), plan, client, listener);
    line = pair.line;
    asio::co_spawn(context, serve_station(std::move(pair.listener), *host, shares), asio::detached);
    if (!edit_answers && !edit_objects) co_return std::move(pair.client);
    co_return make_edited_channel(std::move(pair.client), edit_answers, edit_objects);
  };
}

Result<std::unique_ptr<PeerLink>> PeerWorld::connect(const crypto::SecretBytes& seed, const FaultPlan& plan,
                                                     std::optional<storage::SpaceId> space) {
  const Connector dial = connector(plan);
  const storage::PeerPublic peer = host->public_part();
  return run(PeerLink::connect(dial, "memory:1", seed, peer, space));
}

Result<std::unique_ptr<PeerLink>> PeerWorld::connect(Vault& vault, const FaultPlan& plan) {
  return connect(vault.device_keys().transport_seed, plan, vault.space());
}

storage::Invitation PeerWorld::invite(std::optional<std::uint64_t> quota, std::int64_t seconds) {
  auto out = host->invite("Mairie", quota, {clock.now().seconds + seconds}, "memory:1");
  BEFFROI_ASSERT(out.has_value());
  return std::move(*out);
}

Result<void> PeerWorld::enrol(Vault& vault, const storage::Invitation& invitation) {
  auto link = connect(invitation.transport_seed());
  if (!link) return forward_error(link);
  const std::vector<Bytes> records = vault.log().encoded();
  const auto enrolled = run((*link)->enrol(records));
  close(**link);
  if (!enrolled) return enrolled;
  return vault.bind_peer({host->public_part(), "memory:1"});
}

void PeerWorld::join(Vault& vault, std::optional<std::uint64_t> quota) {
  const auto joined = enrol(vault, invite(quota));
  if (!joined) throw std::runtime_error(joined.error().message());
}

void PeerWorld::close(PeerLink& link) {
  run([](PeerLink& ending) -> asio::awaitable<bool> {
    co_await ending.close();
    co_return true;
  }(link));
}

Result<PushResult> PeerWorld::sync(Vault& vault, const FaultPlan& plan) {
  auto link = connect(vault, plan);
  if (!link) return forward_error(link);
  const auto exchanged = run((*link)->exchange_state(vault, pool));
  if (!exchanged) return forward_error(exchanged);
  auto pushed = run((*link)->push(vault, pool, progress));
  if (pushed) close(**link);
  return pushed;
}

void PeerWorld::lose(const storage::SpaceId& space, std::vector<storage::ObjectId> ids) {
  const auto objects = storage::make_object_store(host->database());
  std::ranges::sort(ids, std::greater<>(), [&](const auto& id) { return (*objects->info(space, id))->height; });
  BEFFROI_ASSERT(objects->remove(space, ids).has_value());
  reopen_peer();
}

PeerHost::Caller PeerWorld::caller(Vault& vault) {
  auto out = host->caller(crypto::transport_public(vault.device_keys().transport_seed), vault.space());
  if (!out) throw std::runtime_error(out.error().message());
  return std::move(*out);
}

void expect_complete(PeerWorld& world, Vault& vault, const storage::Commit& commit) {
  auto space = world.caller(vault).space;
  for (const auto& id : closure_of(vault.objects(), commit)) {
    const auto bytes = space->get(id);
    ASSERT_TRUE(bytes) << bytes.error().message();
    EXPECT_EQ(storage::object_id(*bytes), id);
  }
}

}  // namespace beffroi::daemon::testing
