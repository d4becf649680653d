// Station and peer over real TLS: enrolment, push, reading back from many threads, and what a hostile station may not
// do.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/net/daemon/raw_station.h"
#include "tests/support/fault_env.h"

namespace beffroi::daemon::testing {
namespace {

using namespace std::chrono_literals;

void push(TlsPeer& peer, Vault& vault, ProtocolThread& thread) {
  const Connector dial = tls_connector();
  auto link =
      thread.run(PeerLink::connect(dial, peer.address(), vault.device_keys().transport_seed, peer.host->public_part()));
  ASSERT_TRUE(link) << link.error().message();
  Pool pool(1);
  Progress progress;
  const auto exchanged = thread.run((*link)->exchange_state(vault, pool));
  ASSERT_TRUE(exchanged) << exchanged.error().message();
  const auto pushed = thread.run((*link)->push(vault, pool, progress));
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_GT(pushed->bytes_sent, 0U);
  TlsPeer::end(std::move(*link), thread);
}

// Goal: what was pushed and evicted comes back byte for byte, to several threads at once, with and without prefetch.
TEST(PeerSessionTest, EvictedObjectsComeBackFromThePeer) {
  TlsPeer peer;
  TestVault station;
  ProtocolThread thread;
  peer.join(*station, thread);
  const auto commit = take_snapshot(*station, numbers(120));
  push(peer, *station, thread);
  auto& objects = station->objects();
  std::map<storage::ObjectId, Bytes> expected;
  for (const auto& id : closure_of(objects, commit))
    if ((*objects.info(station->space(), id))->height == 0) expected[id] = *objects.get(station->space(), id);
  std::vector<storage::ObjectId> ids;
  for (const auto& [id, bytes] : expected) ids.push_back(id);
  ASSERT_TRUE(objects.evict(station->space(), ids));

  for (const bool prefer_local : {true, false}) {
    const auto source = make_remote_source(*station, thread.executor(), tls_connector(), prefer_local);
    source->prefetch(std::span(ids).first(50));
    std::vector<std::future<std::size_t>> readers;
    for (int reader = 0; reader < 4; ++reader)
      readers.push_back(std::async(std::launch::async, [&] {
        std::size_t right = 0;
        for (const auto& [id, bytes] : expected) {
          const auto got = source->get(id);
          right += got && *got == bytes ? 1U : 0U;
        }
        return right;
      }));
    for (auto& reader : readers) EXPECT_EQ(reader.get(), expected.size());
    EXPECT_EQ(source->get(storage::ObjectId{}).error().code, ErrorCode::not_found);
    EXPECT_TRUE(source->get(commit.clear.root));
  }
}

// Goal: one tenant can't take all places of a peer, however many spaces and keys it has.
TEST(PeerSessionTest, OneOrganisationHasAFewSessionsOnly) {
  TlsPeer peer;
  TestVault station;
  ProtocolThread thread;
  peer.join(*station, thread);
  const auto organisation = peer.host->spaces().front()->organisation();
  std::vector<Organisation::Hold> seats;
  // The session that joined may still be on its way out.
  while (organisation->sessions() > 0) peer.protocol.call([] {});
  for (std::size_t i = 0; i < kMaxSessionsPerOrganisation; ++i) seats.push_back(organisation->take_seat({}, [] {}));
  ASSERT_TRUE(seats.back());
  const auto heads = [&] {
    auto link = thread.run(PeerLink::connect(tls_connector(), peer.address(), station->device_keys().transport_seed,
                                             peer.host->public_part(), station->space()));
    BEFFROI_ASSERT(link.has_value());
    auto out = thread.run((*link)->fetch_heads());
    TlsPeer::end(std::move(*link), thread);
    return out;
  };
  EXPECT_EQ(heads().error().code, ErrorCode::busy);
  seats.pop_back();
  EXPECT_TRUE(heads());
}

// Goal: who has an invitation and sits on it keeps no station out; who has stolen a device does not keep out its owner,
// who has the kit.
TEST(PeerSessionTest, TheInvitedKeepNoDeviceOutAndDevicesNoRoot) {
  TlsPeer peer;
  TestVault station;
  ProtocolThread thread;
  peer.join(*station, thread);
  const auto organisation = peer.host->spaces().front()->organisation();
  while (organisation->sessions() > 0) peer.protocol.call([] {});
  const auto heads = [&](const crypto::SecretBytes& seed) {
    auto link = thread.run(
        PeerLink::connect(tls_connector(), peer.address(), seed, peer.host->public_part(), station->space()));
    BEFFROI_ASSERT(link.has_value());
    auto out = thread.run((*link)->fetch_heads());
    TlsPeer::end(std::move(*link), thread);
    return out;
  };
  std::vector<Organisation::Hold> seats;
  const auto fill = [&](const SeatOwner& owner) {
    while (const auto seat = organisation->take_seat(owner, [] {})) seats.push_back(seat);
  };
  fill({.kind = SeatOwner::Kind::invited});
  EXPECT_EQ(seats.size(), kMaxInvitedSessions);
  const auto invitation = peer.host->invite("Mairie", {}, {peer.clock.now().seconds + 1000}, peer.address());
  ASSERT_TRUE(invitation);
  EXPECT_EQ(heads(invitation->transport_seed()).error().code, ErrorCode::busy);
  EXPECT_TRUE(heads(station->device_keys().transport_seed));
  while (organisation->sessions() > seats.size()) peer.protocol.call([] {});
  fill({.kind = SeatOwner::Kind::device});
  EXPECT_EQ(heads(station->device_keys().transport_seed).error().code, ErrorCode::busy);
  EXPECT_TRUE(heads(station.root.transport_seed));
}

// Goal: a source outlives a cut: it connects again, once.
TEST(PeerSessionTest, ASourceReconnectsAfterACut) {
  TlsPeer peer;
  TestVault station;
  ProtocolThread thread;
  peer.join(*station, thread);
  const auto commit = take_snapshot(*station, numbers(3));
  push(peer, *station, thread);
  const auto closure = closure_of(station->objects(), commit);
  std::vector<Channel*> open;
  const Connector real = tls_connector();
  const Connector dial = [&](const std::string& address, const crypto::SecretBytes& seed,
                             crypto::TransportPublicKey key) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
    auto channel = co_await real(address, seed, key);
    if (channel) open.push_back(channel->get());
    co_return channel;
  };
  const auto source = make_remote_source(*station, thread.executor(), dial, false);
  ASSERT_TRUE(source->get(*closure.begin()));
  thread.call([&] { open.back()->close(); });
  EXPECT_TRUE(source->get(*closure.rbegin()));
  EXPECT_EQ(open.size(), 2U);
}

TEST(PeerSessionTest, AHostileStationIsToldAndCutOff) {
  TlsPeer peer;
  TestVault vault;
  ProtocolThread thread;
  peer.join(*vault, thread);
  const auto& seed = vault->device_keys().transport_seed;
  const auto end_of = [&](const std::function<void(RawStation&)>& misbehave) {
    RawStation station(peer, seed);
    EXPECT_TRUE(station.hello);
    misbehave(station);
    const Error told = station.error();
    EXPECT_FALSE(station.receive_frame());
    return told.code;
  };
  EXPECT_EQ(end_of([](RawStation& station) { station.send(Message(LogGetMessage{})); }), ErrorCode::protocol);
  EXPECT_EQ(end_of([](RawStation& station) {
              HelloMessage later;
              later.lowest = later.highest = 99;
              station.send(Message(later));
            }),
            ErrorCode::unsupported_version);
  EXPECT_EQ(end_of([](RawStation& station) {
              station.greet();
              station.send({FrameType::message, {0xFF, 0x00}});
            }),
            ErrorCode::protocol);
  EXPECT_EQ(end_of([](RawStation& station) {
              station.greet();
              station.send(Message(DurableMessage{}));
            }),
            ErrorCode::protocol);
  EXPECT_EQ(end_of([](RawStation& station) {
              station.greet();
              station.send(Message(LacksMessage{}));  // before a lease
            }),
            ErrorCode::protocol);
}

// Goal: nonsense in an object frame is told with the next answer, and stored nowhere.
TEST(PeerSessionTest, ABadObjectIsToldAtTheFlush) {
  TlsPeer peer;
  TestVault vault;
  ProtocolThread thread;
  peer.join(*vault, thread);
  RawStation station(peer, vault->device_keys().transport_seed);
  station.greet();
  station.send(Message(LeaseOpenMessage{}));
  EXPECT_EQ(station.error().code, ErrorCode::cancelled);
  station.send({FrameType::object, Bytes(1000)});
  station.send(Message(FlushMessage{}));
  EXPECT_EQ(station.error().code, ErrorCode::corrupt);
  station.send(Message(FlushMessage{}));
  EXPECT_EQ(station.error().text, "no error");
}

// Goal: rights are looked up at every request: a device that is removed during a session hears it at the next one.
TEST(PeerSessionTest, ADeviceRemovedDuringASessionIsRefused) {
  TlsPeer peer;
  TestVault vault;
  ProtocolThread thread;
  peer.join(*vault, thread);
  RawStation station(peer, vault->device_keys().transport_seed);
  station.greet();
  station.send(Message(HeadsGetMessage{}));
  EXPECT_EQ(station.error().text, "no error");
  const auto log = vault->log();
  storage::RemovalBody removal;
  removal.devices.push_back({.device = vault->device_id(), .last_valid_commit = {}});
  const Bytes record = storage::make_record(&log.head(), log.space(), removal, vault.clock.now(), vault.root.sign);
  ASSERT_TRUE(peer.host->spaces().front()->append_record(record));
  station.send(Message(HeadsGetMessage{}));
  EXPECT_EQ(station.error().code, ErrorCode::refused);
}

// Goal: a key of an invitation may enrol and nothing else.
TEST(PeerSessionTest, AnInvitationOpensNothingButTheDoor) {
  TlsPeer peer;
  const auto invitation = peer.host->invite("Mairie", {}, {peer.clock.now().seconds + 10}, peer.address());
  ASSERT_TRUE(invitation);
  for (const Message& request : {Message(LogGetMessage{}), Message(HeadsGetMessage{}), Message(LeaseOpenMessage{}),
                                 Message(GetMessage{}), Message(FlushMessage{})}) {
    RawStation station(peer, invitation->transport_seed());
    station.greet();
    station.send(request);
    EXPECT_EQ(station.error().code, ErrorCode::refused);
  }
}

// Goal: that somebody was refused is written down while others are served, however slow the disk is.
TEST(PeerSessionTest, NobodyWaitsUntilARefusalIsWrittenDown) {
  const auto disk = std::make_shared<storage::testing::FaultFileSystem>(4);
  storage::testing::FaultEnv env(disk);
  TlsPeer peer(kHandshakeTimeout, {.env = &env});
  TestVault vault;
  ProtocolThread thread;
  peer.join(*vault, thread);
  const auto invitation = peer.host->invite("Mairie", {}, {peer.clock.now().seconds + 1000}, peer.address());
  ASSERT_TRUE(invitation);
  ASSERT_TRUE(peer.host->revoke(invitation_id(invitation->transport_key())));
  RawStation bearer(peer, invitation->transport_seed());
  bearer.greet();
  disk->hold();
  bearer.send(Message(EnrolMessage{.records = {Bytes{1}}, .last = true}));
  while (!disk->somebody_waits()) std::this_thread::yield();
  auto served = std::async(std::launch::async, [&] {
    const RawStation station(peer, vault->device_keys().transport_seed);
    return station.hello.has_value();
  });
  EXPECT_EQ(served.wait_for(10s), std::future_status::ready);
  disk->release();
  EXPECT_TRUE(served.get());
  EXPECT_EQ(bearer.error().code, ErrorCode::refused);
}

}  // namespace
}  // namespace beffroi::daemon::testing
