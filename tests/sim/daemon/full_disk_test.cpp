// A disk that fills up between a write and its sync: what was refused may be there when the database is opened anew.
// Both sides then go on from what is there.
#include <gtest/gtest.h>

#include "tests/support/fault_env.h"
#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

using storage::testing::FaultEnv;
using storage::testing::FaultFileSystem;

class FullDiskTest : public ::testing::Test {
 protected:
  // Syncs after the next `after` ones fail, until there is room.
  void fill(std::uint64_t after) {
    disk->set_free_bytes(1'000'000);
    disk->refuse_syncs(after, 1000);
  }
  void make_room() {
    disk->set_free_bytes(std::nullopt);
    disk->refuse_syncs(0, 0);
  }

  std::shared_ptr<FaultFileSystem> disk = std::make_shared<FaultFileSystem>(4);
  std::unique_ptr<FaultEnv> env = std::make_unique<FaultEnv>(disk);
};

// Goal: a snapshot that was found done after all is a snapshot, and the next one continues it.
TEST_F(FullDiskTest, TheStationGoesOnFromASnapshotThatWasFoundDone) {
  TestVault station(1, env.get());
  const auto tree = take_snapshot(*station, numbers(3)).clear.root;
  storage::TreeRoot root;
  root.object.id = tree;
  fill(1);  // the objects are synced, the commit is not
  const auto refused = station->commit(root, {}, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
  make_room();
  auto next = station->commit(root, {}, 0);
  for (int i = 0; i < 3 && !next; ++i) next = station->commit(root, {}, 0);
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->clear.sequence, 3U);
  EXPECT_EQ(station->snapshots()->size(), 3U);
  EXPECT_EQ(station->unreceipted()->size(), 3U);
  PeerWorld world;
  world.join(*station);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->commits, 3U);
}

// Goal: a record that was found done is part of the peer's log without a restart.
TEST_F(FullDiskTest, ThePeerGoesOnFromARecordThatWasFoundDone) {
  PeerWorld world(5, env.get());
  TestVault station;
  world.join(*station);
  const auto rotate = [&] {
    return *storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  };
  const Bytes one = rotate(), other = rotate();
  auto space = world.caller(*station).space;
  fill(0);
  EXPECT_EQ(space->append_record(one).error().code, ErrorCode::disk_full);
  make_room();
  auto appended = space->append_record(other);
  for (int i = 0; i < 3 && !appended && appended.error().code != ErrorCode::conflict; ++i)
    appended = space->append_record(other);
  ASSERT_FALSE(appended);
  EXPECT_NE(appended.error().message().find("changed meanwhile"), std::string::npos) << appended.error().message();
  EXPECT_EQ(space->log().encoded().back(), one);
  EXPECT_TRUE(world.sync(*station));
}

// Goal: a log is taken in by one sync, however many records it has: others wait for it.
TEST_F(FullDiskTest, ThePeerSyncsAWholeLogOnce) {
  PeerWorld world(5, env.get());
  TestVault station;
  ASSERT_GT(station->log().encoded().size(), 1U);
  const auto invitation = world.invite();
  fill(1);
  const auto enrolled = world.host->enrol(invitation.transport_key(), station->log().encoded());
  EXPECT_TRUE(enrolled) << enrolled.error().message();
  make_room();
}

/// A peer that hosts two organisations, of which the first is suspended.
class FullDiskErasureTest : public FullDiskTest {
 protected:
  FullDiskErasureTest() {
    enrol(one, "Saint-Aubin");
    enrol(two, "Saint-Benin");
    BEFFROI_ASSERT(world.host->suspend("Saint-Aubin", "left").has_value());
  }
  void enrol(TestVault& vault, const std::string& name) {
    const auto invitation = world.host->invite(name, {}, {world.clock.now().seconds + 1000}, "memory:1");
    BEFFROI_ASSERT(invitation.has_value() && world.enrol(*vault, *invitation).has_value());
  }
  bool admits(TestVault& vault) {
    return world.host->admits(crypto::transport_public(vault->device_keys().transport_seed));
  }
  void expect_finished_when_there_is_room() {
    make_room();
    // The first write finds out that there is room again.
    for (int i = 0; i < 3 && !world.host->stuck_erasures().empty(); ++i) world.host->finish_erasures();
    EXPECT_TRUE(world.host->stuck_erasures().empty());
    ASSERT_EQ(world.host->organisations().size(), 1U);
    EXPECT_EQ(world.host->organisations().front().state.name, "Saint-Benin");
    EXPECT_EQ(world.host->erasures()->size(), 1U);
    EXPECT_TRUE(world.host->give_room_back());
  }

  PeerWorld world{5, env.get()};
  TestVault one{1}, two{2};
};

// Goal: an erasure that fails shuts its organisation out, is known of, and is finished without anybody's doing.
TEST_F(FullDiskErasureTest, OneThatFailsIsTriedAgain) {
  fill(2);  // its beginning is synced, and that it was written down
  EXPECT_EQ(world.host->erase("Saint-Aubin", "root").error().code, ErrorCode::disk_full);
  world.host->finish_erasures();
  ASSERT_EQ(world.host->stuck_erasures().size(), 1U);
  EXPECT_EQ(world.host->stuck_erasures().front().name, "Saint-Aubin");
  EXPECT_FALSE(admits(one));
  EXPECT_TRUE(admits(two));
  expect_finished_when_there_is_room();
}

// Goal: room that could not be given back is not forgotten.
TEST_F(FullDiskErasureTest, RoomIsOwedUntilItIsGivenBack) {
  ASSERT_TRUE(world.host->erase("Saint-Aubin", "root"));
  disk->set_free_bytes(0);
  EXPECT_FALSE(world.host->give_room_back());
  EXPECT_FALSE(world.host->give_room_back());
  make_room();
  Result<void> given = world.host->give_room_back();
  for (int i = 0; i < 3 && !given; ++i) {
    // A write finds out that there is room again.
    static_cast<void>(world.host->invite("Saint-Benin", {}, {world.clock.now().seconds + 9}, "memory:1"));
    given = world.host->give_room_back();
  }
  EXPECT_TRUE(given);
}

// Goal: one that can't be finished at the start does not keep the others from being served.
TEST_F(FullDiskErasureTest, OneThatFailsAtTheStartKeepsNobodyOut) {
  const auto organisations = world.host->organisations();
  Erasure begun{organisations.front().id, organisations.front().state, world.clock.now(), "root", {}};
  begun.spaces.push_back({.space = one->space()});
  ASSERT_TRUE(begin_erasure(world.host->database(), begun));
  world.close_peer();
  auto database = PeerHost::open_database(world.folder.path() + "/peer", world.database_options);
  ASSERT_TRUE(database) << database.error().message();
  fill(0);
  auto opened = PeerHost::open(world.folder.path() + "/peer", std::move(*database), world.clock, world.random);
  ASSERT_TRUE(opened) << opened.error().message();
  world.host = std::move(*opened);
  ASSERT_EQ(world.host->stuck_erasures().size(), 1U);
  EXPECT_FALSE(admits(one));
  EXPECT_TRUE(admits(two));
  EXPECT_TRUE(world.host->damaged_tenants().empty());
  expect_finished_when_there_is_room();
}

// Everything but the commit; the lease under which it was sent.
storage::LeaseId send_objects(const PeerHost::Caller& caller, Vault& vault, const storage::Commit& commit) {
  const auto lease = caller.space->open_lease(caller.device);
  BEFFROI_ASSERT(lease.has_value());
  std::map<std::uint8_t, std::vector<Bytes>> by_height;
  for (const auto& id : closure_of(vault.objects(), commit))
    by_height[(*vault.objects().info(vault.space(), id))->height].push_back(*vault.objects().get(vault.space(), id));
  for (const auto& [height, objects] : by_height) BEFFROI_ASSERT(caller.space->put(lease->id, objects).has_value());
  return lease->id;
}

// Goal: what a collection took for garbage is not removed after the database was opened anew: an object that was found
// done then may be made of it. The next collection removes it.
TEST_F(FullDiskTest, ACollectionDoesNotGoOnOverAReopening) {
  PeerWorld world(5, env.get());
  TestVault station;
  world.join(*station);
  send_objects(world.caller(*station), *station, take_snapshot(*station, numbers(3)));
  ASSERT_TRUE(world.host->add_running_time(storage::kLeaseIdleSeconds + 1));
  const auto objects = [&] { return world.host->objects().usage(station->space())->objects; };
  const std::uint64_t before = objects();
  const auto space = world.caller(*station).space;
  const auto collect = [](SpaceCollection& collection) {
    Result<bool> more = true;
    while (more && *more) more = collection.step();
    return more;
  };
  auto collection = space->begin_collection();
  ASSERT_TRUE(collection);
  const auto write = [&] {
    return world.host->invite("Mairie", {}, {world.clock.now().seconds + 9}, "memory:1").has_value();
  };
  fill(0);
  EXPECT_FALSE(write());
  make_room();
  for (int i = 0; i < 5 && !write(); ++i) continue;
  ASSERT_GT(world.host->database().reopenings(), 0U);
  const auto cut_short = collect(**collection);
  ASSERT_FALSE(cut_short);
  EXPECT_EQ(cut_short.error().code, ErrorCode::busy);
  EXPECT_EQ(objects(), before);
  collection->reset();
  collection = space->begin_collection();
  ASSERT_TRUE(collection);
  EXPECT_TRUE(collect(**collection));
  EXPECT_EQ(objects(), 0U);
}

// Goal: a receipt that was found done is not replaced by another device's with the same number.
TEST_F(FullDiskTest, ThePeerNeverGivesOneNumberTwice) {
  PeerWorld world(5, env.get());
  TestVault first;
  world.join(*first);
  SecondDevice second(world, first, true);
  ASSERT_TRUE(world.sync(*first));
  std::vector<Vault*> vaults{&*first, &*second};
  std::vector<storage::Commit> commits;
  std::vector<storage::LeaseId> leases;
  for (Vault* vault : vaults) {
    commits.push_back(take_snapshot(*vault, numbers(3)));
    leases.push_back(send_objects(world.caller(*vault), *vault, commits.back()));
  }
  const auto push = [&](std::size_t which) {
    const auto caller = world.caller(*vaults[which]);
    const Bytes encoded = **vaults[which]->store().commit(commits[which].id);
    return caller.space->accept_commit(leases[which], caller.device, encoded, {});
  };
  fill(1);  // the objects are synced, commit and receipt are not
  EXPECT_EQ(push(0).error().code, ErrorCode::disk_full);
  make_room();
  for (const std::size_t which : {1U, 0U}) {
    auto receipt = push(which);
    for (int i = 0; i < 3 && !receipt; ++i) receipt = push(which);
    ASSERT_TRUE(receipt) << receipt.error().message();
    const auto decoded = storage::decode_receipt(*receipt, world.host->public_part().sign);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->commit, commits[which].id);
  }
  EXPECT_EQ(world.caller(*first).space->receipts_from(1)->size(), 2U);
  for (Vault* vault : vaults) EXPECT_TRUE(world.sync(*vault));
}

}  // namespace
}  // namespace beffroi::daemon::testing
