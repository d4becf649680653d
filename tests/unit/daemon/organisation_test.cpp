// Organisations at a peer: one quota for several stations, what a suspended one may do, how one is erased, and that
// nobody sees anything of another.
#include "daemon/sync/organisation.h"

#include <gtest/gtest.h>

#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using storage::ObjectId;

class OrganisationTest : public ::testing::Test {
 protected:
  crypto::TransportPublicKey invite(const std::string& name, std::optional<std::uint64_t> quota = {}) {
    auto out = world.host->invite(name, quota, {world.clock.now().seconds + 1000}, "memory:1");
    BEFFROI_ASSERT(out.has_value());
    return out->transport_key();
  }
  Result<void> enrol(TestVault& vault, const crypto::TransportPublicKey& invitation) {
    BEFFROI_CHECK(world.host->enrol(invitation, vault->log().encoded()));
    return vault->bind_peer({world.host->public_part(), "memory:1"});
  }
  void join(TestVault& vault, const std::string& name, std::optional<std::uint64_t> quota = {}) {
    const auto enrolled = enrol(vault, invite(name, quota));
    if (!enrolled) throw std::runtime_error(enrolled.error().message());
  }
  HostedOrganisation organisation(const std::string& name) {
    for (const auto& organisation : world.host->organisations())
      if (organisation.state.name == name) return organisation;
    return {};
  }
  std::set<std::string> names() {
    std::set<std::string> out;
    for (const auto& organisation : world.host->organisations()) out.insert(organisation.state.name);
    return out;
  }
  Result<void> push(TestVault& vault, std::size_t files) {
    last = take_snapshot(*vault, numbers(files));
    const auto synced = world.sync(*vault);
    return synced ? Result<void>() : forward_error(synced);
  }

  PeerWorld world;
  TestVault one{1}, two{2};
  storage::Commit last;
};

TEST_F(OrganisationTest, ASecondInvitationIsForAFurtherStation) {
  join(one, "Saint-Aubin", 5'000'000);
  const auto again = world.host->invite("Saint-Aubin", 1, {world.clock.now().seconds + 9}, "memory:1");
  EXPECT_EQ(again.error().code, ErrorCode::usage);
  EXPECT_NE(again.error().message().find("peer change"), std::string::npos);
  EXPECT_EQ(world.host->invite("Saint-Aubin", {}, {}, "memory:1", "Mme Roux").error().code, ErrorCode::usage);
  join(two, "Saint-Aubin");
  ASSERT_EQ(world.host->organisations().size(), 1U);
  EXPECT_EQ(organisation("Saint-Aubin").stations, 2U);
  EXPECT_EQ(world.host->tenants()->at(0).organisation, world.host->tenants()->at(1).organisation);
  world.reopen_peer();
  EXPECT_EQ(organisation("Saint-Aubin").stations, 2U);
  EXPECT_EQ(organisation("Saint-Aubin").state.quota_bytes, 5'000'000U);
}

TEST_F(OrganisationTest, NamesAndContactsAreOneLine) {
  for (const std::string& name : {std::string(), std::string("a\nb"), std::string(256, 'x')})
    EXPECT_EQ(world.host->invite(name, {}, {}, "memory:1").error().code, ErrorCode::usage) << name;
  EXPECT_EQ(world.host->invite("X", {}, {}, "memory:1", "a\tb").error().code, ErrorCode::usage);
  EXPECT_TRUE(names().empty());
}

// Goal: the quota is the organisation's: what one station has stored the other can't, and a larger one helps at once.
TEST_F(OrganisationTest, TheQuotaHoldsForAllStationsTogether) {
  join(one, "Saint-Aubin", 300'000);
  join(two, "Saint-Aubin");
  ASSERT_TRUE(push(one, 2));
  std::size_t files = 2;
  Result<void> pushed;
  while (pushed && files < 200) pushed = push(two, files += 20);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::refused);
  EXPECT_NE(pushed.error().message().find("300000"), std::string::npos) << pushed.error().message();
  EXPECT_LE(organisation("Saint-Aubin").used_bytes, 300'000U);
  std::uint64_t sum = 0;
  const auto tenants = world.host->tenants();
  for (const Tenant& tenant : *tenants) sum += tenant.used_bytes;
  EXPECT_EQ(organisation("Saint-Aubin").used_bytes, sum);
  EXPECT_FALSE(push(one, 100)) << "nor has the first any room left";
  ASSERT_TRUE(world.host->change("Saint-Aubin", {.quota_bytes = std::optional<std::uint64_t>{}}));
  EXPECT_TRUE(push(two, files));
  EXPECT_TRUE(push(one, 100));
}

// Goal: somebody else's full quota is nobody's business.
TEST_F(OrganisationTest, OneOrganisationDoesNotFillAnother) {
  join(one, "Saint-Aubin", 30'000);
  join(two, "Saint-Benin", 30'000'000);
  EXPECT_FALSE(push(one, 200));
  EXPECT_TRUE(push(two, 200));
}

TEST_F(OrganisationTest, ChangesAreKept) {
  join(one, "Saint-Aubin");
  join(two, "Saint-Benin");
  EXPECT_EQ(world.host->change("Nowhere", {.contact = "x"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(world.host->change("Saint-Aubin", {.name = "Saint-Benin"}).error().code, ErrorCode::already_exists);
  ASSERT_TRUE(world.host->change("Saint-Aubin", {.name = "Saint-Aubin-le-Neuf", .contact = "Mme Roux"}));
  world.reopen_peer();
  EXPECT_EQ(names(), (std::set<std::string>{"Saint-Aubin-le-Neuf", "Saint-Benin"}));
  EXPECT_EQ(organisation("Saint-Aubin-le-Neuf").state.contact, "Mme Roux");
  EXPECT_EQ(organisation("Saint-Aubin-le-Neuf").stations, 1U);
}

// Goal: a revoked invitation is told so to its bearer, also after a restart, and takes an organisation along that never
// had a station.
TEST_F(OrganisationTest, ARevokedInvitationOpensNothing) {
  const auto invitation = invite("Saint-Aubin");
  const std::string id = world.host->invitations()->front().id;
  EXPECT_EQ(world.host->revoke("abc").error().code, ErrorCode::usage);
  EXPECT_EQ(world.host->revoke("abcdabcd").error().code, ErrorCode::not_found);
  EXPECT_EQ(*world.host->revoke(id.substr(0, 6)), "Saint-Aubin");
  EXPECT_TRUE(names().empty());
  world.reopen_peer();
  EXPECT_TRUE(world.host->admits(invitation));
  const auto refused = enrol(one, invitation);
  EXPECT_EQ(refused.error().message(), "This invitation was revoked. Ask the EPCI for a new one.");
  // The name is free again, and is another organisation now.
  join(one, "Saint-Aubin", 1'000'000);
  EXPECT_EQ(world.host->invitations()->size(), 1U);
  EXPECT_EQ(world.host->revoke(world.host->invitations()->front().id).error().code, ErrorCode::wrong_state);
  EXPECT_EQ(enrol(two, invitation).error().code, ErrorCode::refused);
}

TEST_F(OrganisationTest, OneWithoutStationsVanishesWithItsLastInvitation) {
  invite("Saint-Aubin");
  join(one, "Saint-Benin");
  world.clock.wall_s += 1001;
  ASSERT_TRUE(world.host->forget_ended());
  EXPECT_EQ(names().size(), 2U) << "its bearer is still told that it has expired";
  world.clock.wall_s += kInvitationMemoryDays * 24 * 3600;
  ASSERT_TRUE(world.host->forget_ended());
  EXPECT_EQ(names(), std::set<std::string>{"Saint-Benin"});
  world.reopen_peer();
  EXPECT_EQ(names(), std::set<std::string>{"Saint-Benin"});
}

// Goal: a suspended organisation stores nothing and is told whom to call; what it has can be restored, and a machine
// that is lost meanwhile can be recovered: nobody's documents are held hostage.
TEST_F(OrganisationTest, ASuspendedOneStoresNothingAndReadsEverything) {
  join(one, "Saint-Aubin");
  ASSERT_TRUE(push(one, 5));
  const auto kept = last;
  world.host->set_contact("03 85 00 00 00");
  EXPECT_EQ(world.host->resume("Saint-Aubin").error().code, ErrorCode::wrong_state);
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", "contract ended"));
  EXPECT_EQ(world.host->suspend("Saint-Aubin", "").error().code, ErrorCode::wrong_state);
  EXPECT_EQ(world.host->invite("Saint-Aubin", {}, {}, "memory:1").error().code, ErrorCode::wrong_state);

  const auto refused = push(one, 6);
  EXPECT_EQ(refused.error(), suspension("03 85 00 00 00"));
  EXPECT_NE(refused.error().message().find("03 85 00 00 00"), std::string::npos);
  auto space = world.caller(*one).space;
  const Bytes object = *space->get(kept.clear.root);
  EXPECT_EQ(space->open_lease(one->device_id()).error().code, ErrorCode::refused);
  EXPECT_EQ(space->lacks({}, {}).error().text, suspension("x").text);
  EXPECT_EQ(space->put({}, {&object, 1}).error().text, suspension("x").text);
  const auto rotation = storage::rotate_epoch(one->log(), one->device_keys(), one.clock.now(), one.random);
  EXPECT_EQ(space->append_record(*rotation).error().text, suspension("x").text);

  expect_complete(world, *one, kept);
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(one.random);
  const storage::DeviceRequest request{fresh.public_part(), fresh.preshared.clone()};
  storage::RecoveryPlan plan;
  const auto log = one->log();
  plan.log = &log;
  plan.keep_others = true;
  const auto records = storage::recover_vault(one.root, request, plan, one.clock.now(), one.random);
  ASSERT_TRUE(records) << records.error().message();
  for (const Bytes& record : *records) EXPECT_TRUE(space->append_record(record)) << "the root's";

  world.reopen_peer();
  EXPECT_EQ(organisation("Saint-Aubin").state.suspended_reason, "contract ended");
  ASSERT_TRUE(world.host->resume("Saint-Aubin"));
  EXPECT_TRUE(world.caller(*one).space->open_lease(one->device_id()));
}

TEST_F(OrganisationTest, AnInvitationOfASuspendedOneIsRefused) {
  const auto invitation = invite("Saint-Aubin");
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", ""));
  EXPECT_EQ(enrol(one, invitation).error(), suspension(""));
  ASSERT_TRUE(world.host->resume("Saint-Aubin"));
  EXPECT_TRUE(enrol(one, invitation));
}

// Goal: nothing of an erased organisation is left in any table, its stations are shut out at once, the others are as
// they were, and the record says what there was.
TEST_F(OrganisationTest, AnErasedOneLeavesARecordAndNothingElse) {
  join(one, "Saint-Aubin");
  join(two, "Saint-Benin");
  ASSERT_TRUE(push(one, 5));
  const auto space = one->space();
  const auto hosted = world.caller(*one).space;
  ASSERT_TRUE(hosted->quarantine(last.clear.root));
  ASSERT_TRUE(push(two, 5));
  auto session = world.connect(*one);
  ASSERT_TRUE(session);
  EXPECT_EQ(world.host->erase("Saint-Aubin", "root").error().code, ErrorCode::wrong_state);
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", "left"));
  const auto usage = *world.host->objects().usage(space);
  const auto erased = world.host->erase("Saint-Aubin", "root");
  ASSERT_TRUE(erased) << erased.error().message();
  ASSERT_EQ(erased->spaces.size(), 1U);
  EXPECT_EQ(erased->spaces[0].space, space);
  EXPECT_EQ(erased->spaces[0].devices, std::vector{one->device_id()});
  EXPECT_EQ(erased->spaces[0].objects, usage.objects);
  EXPECT_GT(usage.objects, 0U);
  EXPECT_EQ(erased->spaces[0].sealed_bytes, usage.sealed_bytes);
  EXPECT_EQ(erased->spaces[0].commits, 1U);
  EXPECT_EQ(erased->spaces[0].newest_receipt, 1U);
  EXPECT_EQ(erased->by, "root");
  EXPECT_EQ(erased->was.suspended_reason, "left");

  EXPECT_FALSE(world.host->admits(crypto::transport_public(one->device_keys().transport_seed)));
  EXPECT_FALSE(world.run((*session)->fetch_heads())) << "its session was cut";
  EXPECT_EQ(hosted->open_lease(one->device_id()).error().code, ErrorCode::refused) << "who was at it stores nothing";
  for (std::size_t table = 0; table < storage::kTableCount; ++table)
    ASSERT_TRUE(world.host->database().scan(static_cast<storage::Table>(table), {}, [&](ByteView key, ByteView) {
      const auto at = std::ranges::search(key, space.view());
      EXPECT_TRUE(at.empty()) << "table " << table << ": " << to_hex(key);
      return true;
    }));
  EXPECT_EQ(names(), std::set<std::string>{"Saint-Benin"});
  expect_complete(world, *two, last);
  EXPECT_TRUE(world.host->give_room_back());
  world.reopen_peer();
  EXPECT_EQ(world.host->erasures()->size(), 1U);
  EXPECT_EQ(world.host->erasures()->front().was.name, "Saint-Aubin");
  EXPECT_EQ(world.host->erasures()->front().spaces[0].devices, erased->spaces[0].devices);
  expect_complete(world, *two, last);
}

// Goal: a crash in the middle of an erasure: the next start finishes it, with the counts of before.
TEST_F(OrganisationTest, AnErasureOutlivesACrash) {
  join(one, "Saint-Aubin");
  ASSERT_TRUE(push(one, 5));
  ASSERT_TRUE(world.host->suspend("Saint-Aubin", ""));
  Erasure begun{organisation("Saint-Aubin").id, organisation("Saint-Aubin").state, world.clock.now(), "root", {}};
  begun.spaces.push_back({.space = one->space(), .objects = 77});
  ASSERT_TRUE(begin_erasure(world.host->database(), begun));
  // The first half of what follows the note.
  ASSERT_TRUE(world.host->objects().erase_space(one->space()));
  world.reopen_peer();
  EXPECT_TRUE(names().empty());
  EXPECT_FALSE(world.host->admits(crypto::transport_public(one->device_keys().transport_seed)));
  EXPECT_TRUE(world.host->damaged_tenants().empty());
  ASSERT_EQ(world.host->erasures()->size(), 1U);
  EXPECT_EQ(world.host->erasures()->front().spaces[0].objects, 77U);
  EXPECT_TRUE(unfinished_erasures(world.host->database())->empty());
  EXPECT_TRUE(world.host->stuck_erasures().empty());
  const auto entry = world.host->audit().read(1, 100)->back().entry;
  EXPECT_EQ(entry.action + " " + entry.actor + " " + entry.organisation, "erase peer Saint-Aubin");
  EXPECT_EQ(entry.detail, "begun by root, taken up at a start; spaces: 1");
}

// Goal: nobody is erased who is in use again.
TEST_F(OrganisationTest, AnErasureOfOneThatIsNotSuspendedIsDropped) {
  join(one, "Saint-Aubin");
  ASSERT_TRUE(push(one, 5));
  const Erasure begun{organisation("Saint-Aubin").id, organisation("Saint-Aubin").state, world.clock.now(), "root", {}};
  ASSERT_TRUE(begin_erasure(world.host->database(), begun));
  world.reopen_peer();
  EXPECT_EQ(names(), std::set<std::string>{"Saint-Aubin"});
  expect_complete(world, *one, last);
  EXPECT_TRUE(unfinished_erasures(world.host->database())->empty());
  EXPECT_TRUE(world.host->erasures()->empty());
}

// Goal: what another tenant has is answered exactly as what nobody has.
TEST_F(OrganisationTest, AnothersThingsAreAsUnknownOnes) {
  join(one, "Saint-Aubin");
  join(two, "Saint-Benin");
  ASSERT_TRUE(push(one, 5));
  const auto others = last;
  ASSERT_TRUE(push(two, 5));
  auto theirs = world.caller(*one).space;
  auto mine = world.caller(*two).space;
  const auto lease = *mine->open_lease(two->device_id());
  const auto their_lease = *theirs->open_lease(one->device_id());
  const std::vector<ObjectId> ids{others.clear.root, ObjectId{{9}}};

  EXPECT_EQ(*mine->lacks(lease.id, ids), (std::vector{true, true}));
  EXPECT_EQ(mine->get(ids[0]).error().code, mine->get(ids[1]).error().code);
  EXPECT_EQ(mine->get(ids[0]).error().text, mine->get(ids[1]).error().text);
  EXPECT_FALSE(mine->facts(ids)->at(0));
  EXPECT_FALSE(*mine->commit_bytes(others.id));
  EXPECT_TRUE(mine->branch_commits(one->device_id(), 1)->empty());
  EXPECT_EQ(mine->heads()->size(), 1U);
  EXPECT_EQ(*mine->newest_receipt(), 1U) << "counters are each space's own";

  EXPECT_EQ(mine->lacks(their_lease.id, ids).error(), mine->lacks({}, ids).error());
  const Bytes object = *theirs->get(ids[0]);
  Bytes nobodys = object;
  nobodys[8] ^= 1;  // the space in the header
  EXPECT_EQ(mine->put(lease.id, {&object, 1}).error(), mine->put(lease.id, {&nobodys, 1}).error());
  EXPECT_EQ(mine->put(their_lease.id, {}).error(), mine->put({}, {}).error());
  const Bytes commit = *one->store().commit(others.id).value();
  const auto taken = mine->accept_commit(lease.id, two->device_id(), commit, {});
  EXPECT_EQ(taken.error().text, "A device pushed a snapshot that another one signed.");

  const auto key = crypto::transport_public(two->device_keys().transport_seed);
  EXPECT_EQ(world.host->caller(key, one->space()).error(), world.host->caller(key, storage::SpaceId{{9}}).error());
}

// Goal: nobody takes a vault over by an invitation of his own, even with its whole log.
TEST_F(OrganisationTest, AVaultStaysWithItsOrganisation) {
  join(one, "Saint-Aubin");
  const auto other = invite("Saint-Benin");
  EXPECT_EQ(enrol(one, other).error().code, ErrorCode::refused);
  EXPECT_EQ(world.host->tenants()->front().name, "Saint-Aubin");
  EXPECT_TRUE(enrol(two, other)) << "the invitation is still good";
}

// Goal: a device can't make the peer copy a long log without end; the root is not kept from anything by it.
TEST_F(OrganisationTest, ALogGrowsAtABoundedPace) {
  join(one, "Saint-Aubin");
  auto space = world.caller(*one).space;
  const auto rotate = [&] {
    const auto record = storage::rotate_epoch(space->log(), one->device_keys(), one.clock.now(), one.random);
    return record ? space->append_record(*record) : Result<void>(forward_error(record));
  };
  for (std::uint64_t i = 0; i < kMaxRecordsPerHour; ++i) ASSERT_TRUE(rotate());
  EXPECT_EQ(rotate().error().code, ErrorCode::busy);
  const auto log = space->log();
  const storage::HomeBody home{world.host->public_part(), "memory:1"};
  EXPECT_TRUE(
      space->append_record(storage::make_record(&log.head(), log.space(), home, one.clock.now(), one.root.sign)));
  EXPECT_EQ(rotate().error().code, ErrorCode::busy);
  ASSERT_TRUE(world.host->add_running_time(3600));
  EXPECT_TRUE(rotate());
}

}  // namespace
}  // namespace beffroi::daemon::testing
