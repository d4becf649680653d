// Shares at a peer: who founds one, who is let in by whom, and that an invitation is good for one request and nothing
// else.
#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "daemon/sync/hosted_space.h"
#include "tests/support/peer_world.h"
#include "tests/support/share_world.h"

namespace beffroi::daemon::testing {
namespace {

using namespace std::chrono_literals;
using crypto::TransportPublicKey;
using storage::Role;
using storage::ShareInvitation;
using storage::testing::Person;
using storage::testing::ShareWorld;
using State = JoinAnswer::State;

TransportPublicKey key_of(const Person& person) { return person.device.public_part().transport; }

class ShareHostingTest : public ::testing::Test {
 protected:
  ShareHostingTest() { enrol_vault(people.founder, "Saint-Aubin"); }

  void enrol_vault(const Person& person, const std::string& organisation) {
    const auto records =
        storage::found_vault(person.root, {person.device.public_part(), person.device.preshared.clone()}, organisation,
                             world.clock.now(), people.random);
    const auto invited = world.host->invite(organisation, {}, {world.clock.now().seconds + 1000}, "memory:1");
    const auto enrolled = world.host->enrol(invited->transport_key(), *records);
    if (!enrolled) throw std::runtime_error(enrolled.error().message());
  }
  PeerHost::Caller vault_of(const Person& person) { return *world.host->caller(key_of(person)); }
  Result<void> found() { return world.host->found_share(vault_of(people.founder), people.log.encoded()); }
  PeerHost::Caller in_share(const Person& person) {
    auto out = world.host->caller(key_of(person), people.log.space());
    if (!out) throw std::runtime_error(out.error().message());
    return std::move(*out);
  }
  /// Gives the peer what was signed since.
  void append_news() {
    const auto space = in_share(people.founder).space;
    for (std::size_t at = space->log_length(); at < people.log.encoded().size(); ++at) {
      const auto added = space->append_record(people.log.encoded()[at]);
      if (!added) throw std::runtime_error(added.error().message());
    }
  }
  Person admitted(Role role) {
    Person out = people.admitted(role);
    append_news();
    return out;
  }
  /// A record that the peer is given, and the log here when it takes it.
  Result<void> say(const Bytes& record) {
    BEFFROI_CHECK(in_share(people.founder).space->append_record(record));
    return people.log.append(record);
  }
  Bytes signed_by(const Person& by, const storage::RecordBody& body) {
    return storage::make_record(&people.log.head(), people.log.space(), body, world.clock.now(), by.device.sign);
  }
  /// An epoch as a peer sees one: nobody opens it.
  Bytes rotation(const Person& by, std::size_t handed_bytes = 1) {
    storage::EpochBody body{.epoch = {people.log.epoch().value + 1},
                            .content_generation = people.log.content_generation(),
                            .shared = Bytes(1),
                            .handed_keys = Bytes(handed_bytes),
                            .boxes = {}};
    for (const DeviceId& id : people.log.entitled()) body.boxes.push_back({.recipient = id, .bytes = Bytes(1)});
    return signed_by(by, body);
  }
  Bytes removal(const Person& person) {
    return signed_by(people.founder, storage::RemovalBody{.devices = {{.device = person.id(), .last_valid_commit = {}}},
                                                          .identity = person.identity()});
  }
  /// A short record that is no removal.
  Bytes pin() { return signed_by(people.founder, storage::PinBody()); }
  /// Says it again and again, for hours, until the peer refuses.
  Error fill_log(const std::function<Bytes()>& record) {
    for (;;) {
      const auto said = say(record());
      if (!said && said.error().code != ErrorCode::busy) return said.error();
      if (!said && !world.host->add_running_time(3600)) throw std::runtime_error("no time");
    }
  }
  storage::UnixTime in_days(std::int64_t days) { return {world.clock.now().seconds + days * 86'400}; }
  Result<void> open(const Person& by, const TransportPublicKey& key, std::int64_t days = 7) {
    const auto caller = in_share(by);
    return caller.space->open_invitation(caller.device, key, in_days(days));
  }
  Result<void> close(const TransportPublicKey& key, const std::optional<Bytes>& refusal = {}) {
    const auto caller = in_share(people.founder);
    return caller.space->close_invitation(caller.device, key, refusal);
  }
  std::vector<WaitingRequest> waiting() {
    const auto caller = in_share(people.founder);
    return *caller.space->join_requests(caller.device);
  }
  Result<void> leave(const TransportPublicKey& key, const Bytes& sealed) {
    BEFFROI_TRY(const auto share, world.host->knock(key, people.log.space()));
    return share->leave_request(key, sealed);
  }
  State answer(const TransportPublicKey& key) {
    return (*world.host->knock(key, people.log.space()))->join_answer(key)->state;
  }
  Bytes request(const ShareInvitation& invitation, const Person& person) {
    return storage::seal_join_request(invitation, ShareWorld::request_of(person), person.device.sign);
  }
  std::unique_ptr<PeerLink> connect(const crypto::SecretBytes& seed) {
    auto link = world.connect(seed, {}, people.log.space());
    if (!link) throw std::runtime_error(link.error().message());
    return std::move(*link);
  }
  std::unique_ptr<PeerLink> connect(const Person& person) { return connect(person.device.transport_seed); }

  PeerWorld world;
  ShareWorld people;
};

TEST_F(ShareHostingTest, AStationFoundsAShareForItsOrganisation) {
  ASSERT_TRUE(found());
  ASSERT_TRUE(found()) << "an answer that was lost is asked for again";
  for (int i = 0; i < 2; ++i) {
    const auto organisation = world.host->organisations().front();
    EXPECT_EQ(organisation.stations, 1U);
    EXPECT_EQ(organisation.shares, 1U);
    EXPECT_EQ(in_share(people.founder).space->space(), people.log.space());
    EXPECT_EQ(in_share(people.founder).space->organisation()->state().name, "Saint-Aubin");
    EXPECT_EQ(vault_of(people.founder).space->kind(), storage::SpaceKind::vault) << "who names no space has a vault";
    const auto tenants = *world.host->tenants();
    EXPECT_EQ(std::ranges::count(tenants, storage::SpaceKind::share, &Tenant::kind), 1);
    world.reopen_peer();
  }
}

// Goal: whoever is about to be removed can't hold that off by filling the hour with records.
TEST_F(ShareHostingTest, NoPaceHoldsUpARemoval) {
  ASSERT_TRUE(found());
  const Person thief = admitted(Role::writer);
  const Person writer = admitted(Role::writer);
  for (std::uint64_t i = 0; i < kMaxRecordsPerHour; ++i) ASSERT_TRUE(say(rotation(thief)));
  EXPECT_EQ(say(rotation(thief)).error().code, ErrorCode::busy);
  EXPECT_TRUE(say(rotation(writer))) << "each has its own pace";
  Result<void> managed;
  while (managed) managed = say(rotation(people.founder));
  ASSERT_EQ(managed.error().code, ErrorCode::busy) << "also for managers";
  EXPECT_EQ(say(pin()).error().code, ErrorCode::busy);

  EXPECT_TRUE(say(removal(thief)));
  EXPECT_TRUE(say(rotation(people.founder))) << "the epoch that follows";
  EXPECT_EQ(say(rotation(people.founder)).error().code, ErrorCode::busy) << "but no other";
  const auto leaving = storage::leave_space(people.log, writer.keys, {}, world.clock.now());
  ASSERT_TRUE(leaving);
  EXPECT_TRUE(say(*leaving));
  EXPECT_TRUE(say(rotation(people.founder)));
  ASSERT_TRUE(world.host->add_running_time(3600));
  EXPECT_TRUE(say(rotation(people.founder)));
}

// Goal: the same for the length of the log.
TEST_F(ShareHostingTest, AFullLogTakesARemoval) {
  ASSERT_TRUE(found());
  const Person thief = admitted(Role::writer);
  for (const std::size_t bytes : {500'000UZ, 50'000UZ, 5'000UZ, 500UZ})
    ASSERT_EQ(fill_log([&] { return rotation(people.founder, bytes); }).code, ErrorCode::limit_exceeded);
  ASSERT_EQ(fill_log([&] { return pin(); }).code, ErrorCode::limit_exceeded);

  EXPECT_TRUE(say(removal(thief)));
  EXPECT_TRUE(say(rotation(people.founder, 500'000)));
  EXPECT_EQ(say(pin()).error().code, ErrorCode::limit_exceeded) << "what is kept is for removals alone";
}

// Goal: nobody hosts a share that is somebody else's, nor finds out whether it is here.
TEST_F(ShareHostingTest, NobodyFoundsAnothersShare) {
  const Person other = people.new_person();
  enrol_vault(other, "Val-Fleuri");
  const auto by_other = [&] { return world.host->found_share(vault_of(other), people.log.encoded()); };
  const auto before = by_other();
  ASSERT_TRUE(found());
  const auto after = by_other();
  EXPECT_EQ(before.error().code, ErrorCode::refused);
  EXPECT_EQ(after.error().message(), before.error().message());
  EXPECT_EQ(world.host->found_share(in_share(people.founder), people.log.encoded()).error().code, ErrorCode::refused);
  // A vault is none.
  const auto vault = vault_of(people.founder).space->log().encoded();
  EXPECT_EQ(world.host->found_share(vault_of(people.founder), vault).error().code, ErrorCode::refused);
  EXPECT_EQ(world.host->found_share(vault_of(people.founder), {}).error().code, ErrorCode::protocol);
}

TEST_F(ShareHostingTest, AnOrganisationHasSoManyShares) {
  const auto& founder = people.founder;
  const auto another = [&] {
    const auto records =
        storage::found_share(founder.root, {founder.device.public_part(), founder.device.preshared.clone()},
                             {"Dossier", "Mairie", "PC"}, world.clock.now(), people.random);
    return world.host->found_share(vault_of(founder), *records);
  };
  for (std::size_t i = 0; i < kMaxSharesPerOrganisation; ++i) ASSERT_TRUE(another());
  EXPECT_EQ(another().error().code, ErrorCode::refused);
  EXPECT_EQ(world.host->organisations().front().shares, kMaxSharesPerOrganisation);
}

TEST_F(ShareHostingTest, ASuspendedOrganisationFoundsAndInvitesNobody) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::writer);
  ASSERT_TRUE(open(people.founder, invitation.transport_key()));
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", "unpaid"));
  EXPECT_EQ(found().error().code, ErrorCode::refused);
  EXPECT_EQ(open(people.founder, TransportPublicKey{{9}}).error().code, ErrorCode::refused);
  EXPECT_EQ(leave(invitation.transport_key(), request(invitation, people.new_person())).error().code,
            ErrorCode::refused);
}

TEST_F(ShareHostingTest, ARequestWaitsForTheManagers) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::writer);
  const auto key = invitation.transport_key();
  const Person claire = people.new_person();
  const Bytes sealed = request(invitation, claire);
  EXPECT_FALSE(world.host->admits(key));
  EXPECT_FALSE(leave(key, sealed));
  ASSERT_TRUE(open(people.founder, key));
  ASSERT_TRUE(open(people.founder, key)) << "the same again";
  EXPECT_TRUE(world.host->admits(key));
  EXPECT_TRUE(waiting().empty());
  ASSERT_TRUE(leave(key, sealed));
  const auto left_at = world.clock.now();
  world.clock.pass(100);
  ASSERT_TRUE(leave(key, sealed));
  // Whoever else has the code does not replace it.
  EXPECT_EQ(leave(key, request(invitation, people.new_person())).error().code, ErrorCode::refused);
  world.reopen_peer();
  EXPECT_TRUE(world.host->admits(key));
  EXPECT_EQ(waiting(), (std::vector<WaitingRequest>{{key, sealed, left_at}}));
  EXPECT_EQ(answer(key), State::waiting);

  const Bytes refusal = storage::seal_refusal(invitation, "not yet");
  ASSERT_TRUE(close(key, refusal));
  ASSERT_TRUE(close(key, storage::seal_refusal(invitation, "never"))) << "the first one stands";
  world.reopen_peer();
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(answer(key), State::refused);
  EXPECT_EQ((*world.host->knock(key, people.log.space()))->join_answer(key)->refusal, refusal);
  EXPECT_FALSE(leave(key, sealed));
  EXPECT_EQ(open(people.founder, key).error().code, ErrorCode::refused) << "each is for one computer";
}

TEST_F(ShareHostingTest, OnlyManagersInvite) {
  ASSERT_TRUE(found());
  const Person writer = admitted(Role::writer);
  const Person manager = admitted(Role::manager);
  const TransportPublicKey key{{8}};
  EXPECT_EQ(open(writer, key).error().code, ErrorCode::refused);
  const auto as_writer = in_share(writer);
  EXPECT_EQ(as_writer.space->join_requests(as_writer.device).error().code, ErrorCode::refused);
  EXPECT_EQ(as_writer.space->close_invitation(as_writer.device, key, {}).error().code, ErrorCode::refused);
  const auto in_vault = vault_of(people.founder);
  EXPECT_EQ(in_vault.space->open_invitation(in_vault.device, key, in_days(1)).error().code, ErrorCode::refused);
  ASSERT_TRUE(open(manager, key));
  EXPECT_EQ(answer(key), State::waiting);
  // Its invitations end with it.
  people.take(storage::remove_member(people.log, people.founder.keys, manager.identity(), {},
                                     storage::testing::kTestClock, people.random));
  append_news();
  EXPECT_EQ(answer(key), State::closed);
  EXPECT_FALSE(leave(key, Bytes(storage::kSealedJoinRequestBytes)));
  EXPECT_FALSE(world.host->caller(key_of(manager), people.log.space())) << "and it is refused at once";
}

TEST_F(ShareHostingTest, InvitationsExpireByThePeersClock) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::writer);
  const auto key = invitation.transport_key();
  EXPECT_EQ(open(people.founder, key, 0).error().code, ErrorCode::usage);
  EXPECT_EQ(open(people.founder, key, kMaxShareInvitationDays + 1).error().code, ErrorCode::usage);
  ASSERT_TRUE(open(people.founder, key, 2));
  ASSERT_TRUE(leave(key, request(invitation, people.new_person())));
  world.clock.pass(2 * 86'400 + 1);
  EXPECT_EQ(answer(key), State::closed);
  EXPECT_TRUE(waiting().empty());
  world.clock.pass(kInvitationMemoryDays * 86'400 - 10);
  ASSERT_TRUE(world.host->forget_ended());
  EXPECT_TRUE(world.host->admits(key)) << "its bearer can be told";
  world.clock.pass(20);
  ASSERT_TRUE(world.host->forget_ended());
  EXPECT_FALSE(world.host->admits(key));
  world.reopen_peer();
  EXPECT_FALSE(world.host->admits(key));
}

TEST_F(ShareHostingTest, InvitationsAreBounded) {
  ASSERT_TRUE(found());
  EXPECT_EQ(open(people.founder, key_of(people.founder)).error().code, ErrorCode::refused) << "a device's key";
  const auto key = [](std::size_t number) {
    TransportPublicKey out;
    out.data = {1, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8)};
    return out;
  };
  std::size_t opened = 0;
  const auto open_until_busy = [&] {
    while (true) {
      const auto done = open(people.founder, key(opened));
      if (!done) return done.error().code;
      ++opened;
    }
  };
  EXPECT_EQ(open_until_busy(), ErrorCode::busy);
  EXPECT_EQ(opened, kMaxShareInvitationsPerHour);
  ASSERT_TRUE(world.host->add_running_time(3600));
  EXPECT_EQ(open_until_busy(), ErrorCode::busy);
  EXPECT_EQ(opened, kMaxOpenShareInvitations);
  // What has ended makes room, and is forgotten when it is too much.
  for (int round = 0; round < 4; ++round) {
    const std::size_t first = opened - kMaxOpenShareInvitations;
    for (std::size_t i = first; i < opened; ++i) ASSERT_TRUE(close(key(i))) << i;
    for (std::size_t i = 0; i < kMaxOpenShareInvitations; ++i) {
      if (i % 32 == 0) ASSERT_TRUE(world.host->add_running_time(3600));
      ASSERT_TRUE(open(people.founder, key(opened++)));
    }
  }
  EXPECT_FALSE(world.host->admits(key(0)));
  EXPECT_TRUE(world.host->admits(key(opened - 1)));
}

// Goal: the key of an invitation reads nothing, writes nothing, and is good in its own space only.
TEST_F(ShareHostingTest, AnInvitationIsGoodForItsRequestAlone) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::manager);
  ASSERT_TRUE(open(people.founder, invitation.transport_key()));
  const auto refused = [&](auto ask) {
    auto link = connect(invitation.transport_seed());
    const auto answer = world.run(ask(*link));
    EXPECT_FALSE(answer);
    if (!answer) EXPECT_EQ(answer.error().code, ErrorCode::refused) << answer.error().message();
    link->cut();
  };
  // What is asked is awaited after the call: its arguments have to live that long.
  const std::vector<Bytes> records = people.log.encoded();
  const std::vector<storage::ObjectId> ids(1);
  const SpaceNews nothing;
  refused([](PeerLink& link) { return link.fetch_log(0); });
  refused([](PeerLink& link) { return link.fetch_heads(); });
  refused([](PeerLink& link) { return link.fetch_newest_receipt(); });
  refused([](PeerLink& link) { return link.fetch_join_requests(); });
  refused([&](PeerLink& link) { return link.wait_for_news(nothing, 1ms); });
  refused([&](PeerLink& link) { return link.append_record(records.back()); });
  refused([&](PeerLink& link) { return link.found_share(records); });
  refused([&](PeerLink& link) { return link.enrol(records); });
  refused([](PeerLink& link) { return link.open_share_invitation(TransportPublicKey{{5}}, {1'900'000'000}); });
  refused([&](PeerLink& link) { return link.close_share_invitation(invitation.transport_key(), {}); });
  refused([&](PeerLink& link) { return link.fetch_objects(ids); });
  EXPECT_EQ(world.host->knock(invitation.transport_key(), vault_of(people.founder).space->space()).error().code,
            ErrorCode::refused);
  EXPECT_EQ(world.host->knock(invitation.transport_key(), {}).error().code, ErrorCode::refused);
}

TEST_F(ShareHostingTest, AnInvitedStationKnocksOverTheLine) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::writer);
  const auto key = invitation.transport_key();
  const Bytes sealed = request(invitation, people.new_person());
  auto manager = connect(people.founder);
  ASSERT_TRUE(world.run(manager->open_share_invitation(key, in_days(3))));
  auto invited = connect(invitation.transport_seed());
  EXPECT_EQ(world.run(invited->fetch_join_answer())->state, State::waiting);
  ASSERT_TRUE(world.run(invited->leave_join_request(sealed)));
  const auto requests = world.run(manager->fetch_join_requests());
  ASSERT_TRUE(requests);
  ASSERT_EQ(requests->size(), 1U);
  EXPECT_TRUE(storage::open_join_request(invitation, requests->front().sealed));
  ASSERT_TRUE(world.run(manager->close_share_invitation(key, storage::seal_refusal(invitation, "no"))));
  const auto said = world.run(invited->fetch_join_answer());
  ASSERT_EQ(said->state, State::refused);
  EXPECT_EQ(*storage::open_refusal(invitation, said->refusal), "no");
  world.close(*invited);
  world.close(*manager);
}

// Goal: a peer that swaps requests, or shows one of another space or invitation, admits nobody; one that hides them
// only makes everybody wait.
TEST_F(ShareHostingTest, APeerCanOnlyKeepRequestsBack) {
  ASSERT_TRUE(found());
  const ShareInvitation mine = people.invitation(Role::writer);
  const ShareInvitation others = people.invitation(Role::writer);
  ShareInvitation elsewhere = people.invitation(Role::writer);
  elsewhere.space = storage::SpaceId{{4}};
  elsewhere.token = mine.token.clone();
  const Person claire = people.new_person();
  for (const ShareInvitation* invitation : {&mine, &others}) {
    ASSERT_TRUE(open(people.founder, invitation->transport_key()));
    ASSERT_TRUE(leave(invitation->transport_key(), request(*invitation, claire)));
  }
  const auto shown = [&](const MessageEdit& edit) {
    world.edit_answers = edit;
    auto link = connect(people.founder);
    const auto requests = world.run(link->fetch_join_requests());
    link->cut();
    Bytes out;
    for (const auto& request : *requests)
      if (request.invitation == mine.transport_key()) out = request.sealed;
    return out;
  };
  const auto edited = [](auto change) {
    return [change](Message& message) {
      if (auto* answer = std::get_if<RequestsMessage>(&message)) change(answer->requests);
    };
  };
  EXPECT_TRUE(storage::open_join_request(mine, shown({})));
  const Bytes swapped = shown(edited([](auto& requests) { std::swap(requests[0].sealed, requests[1].sealed); }));
  EXPECT_EQ(storage::open_join_request(mine, swapped).error().code, ErrorCode::corrupt);
  const Bytes replayed = shown(edited([&](auto& requests) {
    for (auto& one : requests) one.sealed = request(elsewhere, claire);
  }));
  EXPECT_EQ(storage::open_join_request(mine, replayed).error().code, ErrorCode::corrupt);
  EXPECT_TRUE(shown(edited([](auto& requests) { requests.clear(); })).empty());
}

class NewsTest : public ShareHostingTest {
 protected:
  NewsTest() {
    BEFFROI_ASSERT(found().has_value());
    link = connect(people.founder);
    known = *world.run(link->wait_for_news({}, 0ms));
  }
  void wait(PeerLink& on, std::chrono::milliseconds patience = kMaxNewsPatience) {
    heard.reset();
    asio::co_spawn(world.context, store_result(on.wait_for_news(known, patience), heard), asio::detached);
    come_to_rest();
  }
  void come_to_rest() {
    world.context.restart();
    while (world.context.poll() > 0) continue;
  }
  void expect_silence() {
    come_to_rest();
    EXPECT_FALSE(heard);
  }

  std::unique_ptr<PeerLink> link;
  SpaceNews known;
  std::optional<Result<SpaceNews>> heard;
};

TEST_F(NewsTest, ARecordOrARequestWakesWhoWaits) {
  EXPECT_EQ(known, (SpaceNews{people.log.encoded().size(), 0, 0}));
  wait(*link);
  expect_silence();
  const Person writer = admitted(Role::writer);
  come_to_rest();
  ASSERT_TRUE(heard && *heard);
  EXPECT_GT((*heard)->log_length, known.log_length);
  known.log_length = people.log.encoded().size();

  // A request is for managers to know of.
  wait(*link);
  auto theirs = connect(writer);
  std::optional<Result<SpaceNews>> heard_by_writer;
  asio::co_spawn(world.context, store_result(theirs->wait_for_news(known, kMaxNewsPatience), heard_by_writer),
                 asio::detached);
  const ShareInvitation invitation = people.invitation(Role::reader);
  ASSERT_TRUE(open(people.founder, invitation.transport_key()));
  expect_silence();
  ASSERT_TRUE(leave(invitation.transport_key(), request(invitation, people.new_person())));
  come_to_rest();
  ASSERT_TRUE(heard && *heard);
  EXPECT_EQ((*heard)->requests, 1U);
  EXPECT_FALSE(heard_by_writer);
  theirs->cut();
  come_to_rest();
}

TEST_F(NewsTest, PatienceEndsTheWait) {
  const auto news = world.run(link->wait_for_news(known, 30ms));
  ASSERT_TRUE(news);
  EXPECT_EQ(*news, known);
  EXPECT_TRUE(world.run(link->fetch_heads())) << "the session goes on";
}

TEST_F(NewsTest, WhoIsRemovedHearsItAtOnce) {
  const Person writer = admitted(Role::writer);
  known.log_length = people.log.encoded().size();
  auto theirs = connect(writer);
  wait(*theirs);
  expect_silence();
  people.take(storage::remove_member(people.log, people.founder.keys, writer.identity(), {},
                                     storage::testing::kTestClock, people.random));
  append_news();
  come_to_rest();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->error().code, ErrorCode::refused);
  EXPECT_EQ(world.run(theirs->fetch_heads()).error().code, ErrorCode::unreachable);
}

// Goal: no session outlives its line for the sake of news, and nothing waits behind it.
TEST_F(NewsTest, ALineThatIsCutEndsTheWait) {
  wait(*link);
  const auto organisation = world.host->organisations().front().id;
  const auto sessions = [&] { return in_share(people.founder).space->organisation()->sessions(); };
  EXPECT_EQ(sessions(), 1U);
  link->cut();
  come_to_rest();
  EXPECT_EQ(sessions(), 0U) << organisation.hex();
}

// Goal: what shares leave at a peer goes with their organisation.
TEST_F(ShareHostingTest, AnErasureTakesInvitationsAlong) {
  ASSERT_TRUE(found());
  const ShareInvitation invitation = people.invitation(Role::writer);
  const auto key = invitation.transport_key();
  ASSERT_TRUE(open(people.founder, key));
  ASSERT_TRUE(open(people.founder, TransportPublicKey{{3}}));
  ASSERT_TRUE(leave(key, request(invitation, people.new_person())));
  ASSERT_TRUE(close(TransportPublicKey{{3}}, Bytes(storage::kSealedRefusalBytes)));
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", "moved"));
  const auto erased = world.host->erase("Saint-Aubin", "jean");
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->spaces.size(), 2U);
  EXPECT_FALSE(world.host->admits(key));
  for (const char* prefix : {"peer/share-invitation/", "peer/join-request/", "peer/join-refusal/"}) {
    std::size_t left = 0;
    ASSERT_TRUE(world.host->database().scan(storage::Table::state, as_bytes(std::string_view(prefix)),
                                            [&](ByteView, ByteView) { return ++left > 0; }));
    EXPECT_EQ(left, 0U) << prefix;
  }
}

// Goal: who is in a share of an organisation takes neither its stations' seats nor the last of its quota.
TEST(ShareSeatsTest, MembersOfSharesKeepNoStationOut) {
  OrganisationState state;
  state.quota_bytes = 1000;
  const auto organisation = std::make_shared<Organisation>(OrganisationId{}, state);
  using Kind = SeatOwner::Kind;
  std::vector<Organisation::Hold> seats;
  const auto fill = [&](const SeatOwner& owner) {
    std::size_t taken = 0;
    while (const auto seat = organisation->take_seat(owner, [] {})) {
      seats.push_back(seat);
      ++taken;
    }
    return taken;
  };
  std::size_t members = 0;
  for (std::uint8_t device = 1; device < 100; ++device)
    members += fill({.kind = Kind::member, .space = {}, .holder = {device}});
  EXPECT_EQ(members, kMaxShareSessions);
  EXPECT_EQ(fill({.kind = Kind::knocking, .holder = {1}}), kMaxKnocksPerInvitation);
  EXPECT_EQ(fill({.kind = Kind::share_root, .space = storage::SpaceId{{1}}}), kMaxRootSessions);
  EXPECT_EQ(fill({.kind = Kind::device}), kMaxSessionsPerOrganisation);
  EXPECT_EQ(fill({.kind = Kind::root}), kMaxRootSessions);
  EXPECT_EQ(fill({.kind = Kind::invited}), kMaxInvitedSessions);

  EXPECT_FALSE(organisation->reserve(901, storage::SpaceKind::share));
  const auto shares = organisation->reserve(900, storage::SpaceKind::share);
  EXPECT_TRUE(shares);
  EXPECT_FALSE(organisation->reserve(1, storage::SpaceKind::share));
  EXPECT_TRUE(organisation->reserve(100));
}

}  // namespace
}  // namespace beffroi::daemon::testing
