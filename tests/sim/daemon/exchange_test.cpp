// Rollbacks and forks of the peer are noticed and named; a recovered station gets everything back.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

namespace fs = std::filesystem;

// The peer's folder as an operator would restore it from an image.
void copy_peer(PeerWorld& world, const fs::path& from, const fs::path& to) {
  world.close_peer();
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

// Goal: a peer that was put back to an old image is named, and the station keeps what it knows.
TEST(ExchangeTest, APeerThatWentBackIsNoticed) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(3));
  ASSERT_TRUE(world.sync(*station));
  const fs::path data = world.folder.path() + "/peer";
  const fs::path image = world.folder.path() + "/image";
  copy_peer(world, data, image);
  world.reopen_peer();
  take_snapshot(*station, numbers(4));
  ASSERT_TRUE(world.sync(*station));
  copy_peer(world, image, data);
  world.reopen_peer();
  const auto pushed = world.sync(*station);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::corrupt);
  EXPECT_NE(pushed.error().message().find("older state"), std::string::npos) << pushed.error().message();
  EXPECT_EQ(station->newest_receipt()->counter, 2U);
}

// Goal: a peer that signed another history with the same counter is found out by the receipts that the station keeps.
TEST(ExchangeTest, APeerThatTellsTwoStoriesIsNoticed) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(3));
  ASSERT_TRUE(world.sync(*station));
  const fs::path data = world.folder.path() + "/peer";
  const fs::path image = world.folder.path() + "/image";
  copy_peer(world, data, image);
  world.reopen_peer();
  const auto commit = take_snapshot(*station, numbers(4));
  ASSERT_TRUE(world.sync(*station));
  // The other story: the same commit, receipted at another time.
  copy_peer(world, image, data);
  world.reopen_peer();
  world.clock.wall_s += 5;
  auto caller = world.caller(*station);
  const auto lease = caller.space->open_lease(caller.device);
  std::map<std::uint8_t, std::vector<Bytes>> by_height;
  for (const auto& id : closure_of(station->objects(), commit))
    by_height[(*station->objects().info(station->space(), id))->height].push_back(
        *station->objects().get(station->space(), id));
  for (const auto& [height, objects] : by_height) ASSERT_TRUE(caller.space->put(lease->id, objects));
  ASSERT_TRUE(
      caller.space->accept_commit(lease->id, caller.device, **station->store().commit(commit.id), {}).has_value());
  const auto pushed = world.sync(*station);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::corrupt);
  EXPECT_NE(pushed.error().message().find("two different histories"), std::string::npos) << pushed.error().message();
}

// All that another session of the station would send.
Bytes push_directly(PeerWorld& world, Vault& vault, const storage::Commit& commit) {
  const auto caller = world.caller(vault);
  const auto lease = caller.space->open_lease(caller.device);
  std::map<std::uint8_t, std::vector<Bytes>> by_height;
  for (const auto& id : closure_of(vault.objects(), commit))
    by_height[(*vault.objects().info(vault.space(), id))->height].push_back(*vault.objects().get(vault.space(), id));
  for (const auto& [height, objects] : by_height) EXPECT_TRUE(caller.space->put(lease->id, objects));
  const auto receipt = caller.space->accept_commit(lease->id, caller.device, **vault.store().commit(commit.id), {});
  EXPECT_TRUE(receipt && vault.accept_receipt(*receipt));
  return receipt.value_or(Bytes());
}

// What the peer says of this kind, for the first time, arrives after `meanwhile`.
template <class Answer>
MessageEdit once_before(std::function<void()> meanwhile) {
  return [meanwhile = std::move(meanwhile), done = std::make_shared<bool>(false)](Message& message) {
    if (std::holds_alternative<Answer>(message) && !std::exchange(*done, true)) meanwhile();
  };
}

// Goal: a check runs beside a push. What the push gets its receipts for meanwhile must not make an answer that was
// under way already look like that of a peer which went back.
TEST(ExchangeTest, AnotherSessionMayPushMeanwhile) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(3));
  ASSERT_TRUE(world.sync(*station));
  const auto commit = take_snapshot(*station, numbers(4));
  world.edit_answers = once_before<HeadsMessage>([&] { push_directly(world, *station, commit); });
  auto link = world.connect(*station);
  ASSERT_TRUE(link);
  const auto exchanged = world.run((*link)->exchange_state(*station, world.pool));
  EXPECT_TRUE(exchanged) << exchanged.error().message();
  EXPECT_EQ(station->newest_receipt()->counter, 2U);
  world.close(**link);
}

// Goal: the same for another device's snapshots, and the receipts that they name.
TEST(ExchangeTest, AnotherSessionMayLearnOfSnapshotsMeanwhile) {
  PeerWorld world;
  TestVault first;
  world.join(*first);
  SecondDevice second(world, first, true);
  ASSERT_TRUE(world.sync(*first));
  take_snapshot(*second, numbers(3));
  ASSERT_TRUE(world.sync(*second));
  const auto learn_more = [&] {
    for (std::uint64_t i = 4; i < 6; ++i) {
      const auto commit = take_snapshot(*second, numbers(i));
      push_directly(world, *second, commit);
      EXPECT_TRUE(first->adopt_commit(**second->store().commit(commit.id)));
    }
  };
  const auto exchange = [&] {
    auto link = world.connect(*first);
    if (!link) return Result<void>(forward_error(link));
    const auto exchanged = world.run((*link)->exchange_state(*first, world.pool));
    world.close(**link);
    return exchanged;
  };
  for (const MessageEdit& edit : {once_before<HeadsMessage>(learn_more), once_before<ReceiptsMessage>(learn_more)}) {
    ASSERT_TRUE(exchange());
    world.edit_answers = edit;
    const auto exchanged = exchange();
    EXPECT_TRUE(exchanged) << exchanged.error().message();
    world.edit_answers = {};
  }
  ASSERT_TRUE(exchange());
  EXPECT_EQ(first->newest_receipt()->counter, second->newest_receipt()->counter);
}

// Goal: a record that only the station has reaches the peer, and one that only the peer has reaches the station.
TEST(ExchangeTest, LogsAreBroughtTogether) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(3));
  const auto rotation =
      storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  ASSERT_TRUE(rotation);
  ASSERT_TRUE(station->append_records({&*rotation, 1}));
  // Offered to the peer; the snapshot of the old epoch is refused there.
  auto link = world.connect(*station);
  ASSERT_TRUE(link);
  const auto exchanged = world.run((*link)->exchange_state(*station, world.pool));
  ASSERT_TRUE(exchanged) << exchanged.error().message();
  auto space = world.caller(*station).space;
  EXPECT_EQ(space->log().head().id, station->log().head().id);

  const auto next = storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  ASSERT_TRUE(next);
  ASSERT_TRUE(space->append_record(*next));
  ASSERT_TRUE(world.run((*link)->exchange_state(*station, world.pool)));
  EXPECT_EQ(station->log().head().id, space->log().head().id);
  world.close(**link);
}

// Goal: logs that part are a fork, named with its place.
TEST(ExchangeTest, LogsThatPartAreNoticed) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto one = storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  const auto other = storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  ASSERT_NE(*one, *other);
  ASSERT_TRUE(station->append_records({&*one, 1}));
  ASSERT_TRUE(world.caller(*station).space->append_record(*other));
  const auto pushed = world.sync(*station);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::corrupt);
  EXPECT_NE(pushed.error().message().find("another log"), std::string::npos) << pushed.error().message();
}

// Goal: kit, fresh station and peer give back commits, trees and receipts; contents are known as remote and come on
// demand; the recovered station's next snapshot continues the old branch.
TEST(ExchangeTest, ARecoveredStationGetsItsTreesBack) {
  PeerWorld world;
  TestVault old_station(1);
  world.join(*old_station);
  // Enough for a tree of several leaves: a fetch can then be cut between a node and what is below it.
  take_snapshot(*old_station, numbers(2500), 100);
  ASSERT_TRUE(world.sync(*old_station));
  const auto newest = take_snapshot(*old_station, numbers(2510), 100);
  ASSERT_GT((*old_station->objects().info(old_station->space(), newest.clear.root))->height, 1);
  ASSERT_TRUE(world.sync(*old_station));

  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random(99);
  auto vault = Vault::open(folder.path() + "/data", clock, random);
  ASSERT_TRUE(vault);
  Vault& fresh = **vault;
  const auto request = fresh.device_request();
  ASSERT_TRUE(request);
  auto root_link = world.connect(old_station.root.transport_seed);
  ASSERT_TRUE(root_link) << root_link.error().message();
  const auto records = world.run((*root_link)->fetch_log(0));
  ASSERT_TRUE(records);
  const auto log = storage::SpaceLog::from_records(*records, old_station->space());
  ASSERT_TRUE(log);
  const auto heads = world.run((*root_link)->fetch_heads());
  ASSERT_TRUE(heads);
  storage::RecoveryPlan plan;
  plan.log = &*log;
  for (const auto& head : *heads) plan.heads[head.device] = {head.commit, head.sequence};
  const auto added = storage::recover_vault(old_station.root, *request, plan, clock.now(), random);
  ASSERT_TRUE(added) << added.error().message();
  std::vector<Bytes> all = *records;
  for (const Bytes& record : *added) {
    const auto appended = world.run((*root_link)->append_record(record));
    ASSERT_TRUE(appended) << appended.error().message();
    all.push_back(record);
  }
  world.close(**root_link);
  // The old device is out from this moment on.
  EXPECT_FALSE(world.connect(*old_station));
  ASSERT_TRUE(fresh.found(all));
  ASSERT_TRUE(fresh.bind_peer({world.host->public_part(), "memory:1"}));

  // The first attempts are cut; the fetch goes on where it stopped.
  std::uint64_t frames = 4;
  while (true) {
    auto link = world.connect(fresh, {.seed = frames, .cut_after_frames = frames, .max_yields = 2});
    if (link && world.run((*link)->fetch_trees(fresh, world.pool, world.progress))) break;
    frames += 3;
    ASSERT_LT(frames, 2000U);
  }
  EXPECT_EQ(fresh.snapshots()->size(), 2U);
  EXPECT_EQ(fresh.latest()->value().commit.id, newest.id);
  EXPECT_EQ(fresh.newest_receipt()->counter, 2U);
  for (const auto& id : closure_of(old_station->objects(), newest)) {
    const auto info = fresh.objects().info(fresh.space(), id);
    ASSERT_TRUE(info && *info);
    EXPECT_TRUE(storage::counts_as_present(*info));
    EXPECT_TRUE((*info)->receipted);
    EXPECT_EQ((*info)->bytes_present, (*info)->height > 0);
  }

  take_snapshot(fresh, numbers(2511), 100);
  const auto pushed = world.sync(fresh);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->receipt_counter, 3U);
}

}  // namespace
}  // namespace beffroi::daemon::testing
