// A station pushes to a peer over a line that is cut at every frame: nothing acknowledged is lost, what was not
// resumes.
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/sync/line.h"
#include "daemon/sync/messages.h"
#include "daemon/sync/stored_objects.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

// Goal: the plain case; the receipt is stored, the peer holds every object, and a second push sends none.
TEST(PushTest, AReceiptComesBackAndTheClosureIsThere) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto commit = take_snapshot(*station, numbers(0, 300));
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->commits, 1U);
  EXPECT_EQ(pushed->objects_sent, closure_of(station->objects(), commit).size());
  EXPECT_EQ(pushed->receipt_counter, 1U);
  EXPECT_EQ(world.progress.bytes_sent, world.progress.bytes_to_send);
  EXPECT_TRUE(station->unreceipted()->empty());
  expect_complete(world, *station, commit);

  const auto again = take_snapshot(*station, numbers(0, 300));
  const auto second = world.sync(*station);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->objects_sent, 0U);
  EXPECT_EQ(second->receipt_counter, 2U);
  expect_complete(world, *station, again);
}

// Goal: a small change costs a small push.
// A snapshot's objects, children before their parents, and what a backup hands over of them: all but the root, in
// pieces.
struct AheadCase {
  explicit AheadCase(PeerWorld& peer_world) : world(peer_world), stored(world.context.get_executor()) {
    world.join(*station);
    commit.emplace(take_snapshot(*station, numbers(60)));
    std::map<int, std::vector<storage::ObjectId>> by_height;
    for (const auto& id : closure_of(station->objects(), *commit))
      by_height[station->objects().info(station->space(), id).value()->height].push_back(id);
    for (const auto& [height, ids] : by_height) order.insert(order.end(), ids.begin(), ids.end());
  }
  asio::awaitable<void> pass_turns(int turns) {
    for (; turns > 0; --turns) co_await asio::post(world.context.get_executor(), asio::use_awaitable);
  }
  asio::awaitable<void> store() {
    constexpr std::size_t kPiece = 7;
    const std::span<const storage::ObjectId> before_root = std::span(order).first(order.size() - 1);
    for (std::size_t at = 0; at < before_root.size(); at += kPiece) {
      stored.add(before_root.subspan(at, std::min(kPiece, before_root.size() - at)));
      co_await pass_turns(3);
    }
    co_await pass_turns(1000);
    stored.finish();
  }
  Result<void> send_ahead(const FaultPlan& plan) {
    auto link = world.connect(*station, plan);
    if (!link) return forward_error(link);
    asio::co_spawn(world.context, store(), asio::detached);
    Line line(world.clock, {}, {});
    auto sent = world.run((*link)->send_ahead(*station, world.pool, stored, &line));
    if (sent) world.close(**link);
    return sent;
  }

  PeerWorld& world;
  TestVault station;
  StoredObjects stored;
  std::optional<storage::Commit> commit;
  std::vector<storage::ObjectId> order;
};

// Goal: what was sent while the backup went on need not be sent again, and a receipt covers it.
TEST(PushTest, WhatWasSentAheadIsNotSentAgain) {
  PeerWorld world;
  AheadCase ahead(world);
  const auto sent = ahead.send_ahead({});
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_GT(ahead.stored.sent_bytes(), 60U * 5000);
  const auto pushed = world.sync(*ahead.station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->commits, 1U);
  EXPECT_EQ(pushed->objects_sent, 1U);
  expect_complete(world, *ahead.station, *ahead.commit);
}

// Goal: wherever the line is cut meanwhile, the push afterwards brings the rest.
TEST(PushTest, SendingAheadMayBeCutAtManyFrames) {
  for (std::uint64_t frames = 3; frames < 60; frames += 3) {
    SCOPED_TRACE(frames);
    PeerWorld world(frames);
    AheadCase ahead(world);
    EXPECT_FALSE(ahead.send_ahead({.seed = frames, .cut_after_frames = frames}));
    const auto pushed = world.sync(*ahead.station);
    ASSERT_TRUE(pushed) << pushed.error().message();
    expect_complete(world, *ahead.station, *ahead.commit);
  }
}

// A line that is slower than the backup by far: a parent must not go without its children.
TEST(PushTest, SendingAheadGivesUpWhenTooMuchWaits) {
  PeerWorld world;
  StoredObjects stored(world.context.get_executor());
  const std::vector<storage::ObjectId> many(kMaxStoredObjectsWaiting, world.random.fixed<storage::ObjectId>());
  stored.add(many);
  stored.add(std::span(many).first(1));
  EXPECT_EQ(stored.take().size(), many.size());
  stored.add(std::span(many).first(1));
  EXPECT_TRUE(stored.take().empty());
}

TEST(PushTest, OnlyWhatThePeerLacksIsSent) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(0, 300));
  ASSERT_TRUE(world.sync(*station));
  const auto commit = take_snapshot(*station, numbers(0, 301));
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed);
  EXPECT_LE(pushed->objects_sent, 4U);  // one chunk, its leaf, the nodes above
  expect_complete(world, *station, commit);
}

// Goal: cut at every frame, with frames under way lost or not, at both ends. Each attempt ends with an error or a
// receipt, never with a receipt for less than everything; in the end all is there, and nothing is sent again that was
// acknowledged.
TEST(PushTest, APushThatIsCutAtEveryFrameFinishes) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto first = take_snapshot(*station, numbers(0, 40));
  const auto second = take_snapshot(*station, numbers(0, 60));
  std::uint64_t cuts = 0;
  for (std::uint64_t frames = 0;; ++frames) {
    ASSERT_LT(frames, 1000U);
    const auto pushed = world.sync(*station, {.seed = frames, .cut_after_frames = frames, .max_yields = 3});
    auto space = world.caller(*station).space;
    for (const auto& commit : {first, second}) {
      const auto receipt = station->store().receipt_of(commit.id);
      ASSERT_TRUE(receipt);
      // What the station believes to be receipted, the peer holds.
      if (*receipt) {
        ASSERT_TRUE(space->commit_bytes(commit.id)->has_value()) << frames;
        expect_complete(world, *station, commit);
      }
    }
    if (pushed) break;
    ++cuts;
  }
  EXPECT_GT(cuts, 10U);
  EXPECT_TRUE(station->unreceipted()->empty());
  EXPECT_EQ(station->newest_receipt()->counter, 2U);
  expect_complete(world, *station, second);
}

// Goal: the same by bytes, with the peer restarted after every cut: what it acknowledged survives.
TEST(PushTest, APushThatIsCutAtManyBytesSurvivesRestartsOfThePeer) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto commit = take_snapshot(*station, numbers(0, 50));
  std::uint64_t bytes = 1;
  std::uint64_t cuts = 0;
  while (!world.sync(*station, {.seed = bytes, .cut_after_bytes = bytes, .max_yields = 2})) {
    ++cuts;
    bytes += 1 + bytes / 4;
    world.reopen_peer();
  }
  EXPECT_GT(cuts, 10U);
  EXPECT_TRUE(station->unreceipted()->empty());
  expect_complete(world, *station, commit);
}

// Goal: the answer to a commit is lost; the next session learns the same receipt and sends nothing.
TEST(PushTest, AReceiptThatWasLostOnTheWayIsFetched) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto commit = take_snapshot(*station, numbers(0, 5));
  auto caller = world.caller(*station);
  const auto lease = caller.space->open_lease(caller.device);
  std::map<std::uint8_t, std::vector<Bytes>> by_height;
  for (const auto& id : closure_of(station->objects(), commit))
    by_height[(*station->objects().info(station->space(), id))->height].push_back(
        *station->objects().get(station->space(), id));
  for (const auto& [height, objects] : by_height) ASSERT_TRUE(caller.space->put(lease->id, objects));
  const Bytes encoded = **station->store().commit(commit.id);
  const auto receipt = caller.space->accept_commit(lease->id, caller.device, encoded, {});
  ASSERT_TRUE(receipt) << receipt.error().message();

  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->objects_sent, 0U);
  EXPECT_EQ(pushed->commits, 0U);
  EXPECT_EQ(**station->store().receipt_of(commit.id), *receipt);
}

// Goal: what the peer found damaged is sent again at the beginning of the next push, even in a renewed epoch's absence
// of anything to push.
TEST(PushTest, DamagedObjectsAreHealed) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto commit = take_snapshot(*station, numbers(0, 30));
  ASSERT_TRUE(world.sync(*station));
  auto space = world.caller(*station).space;
  const auto closure = closure_of(station->objects(), commit);
  ASSERT_TRUE(space->quarantine(*closure.begin()));
  ASSERT_TRUE(space->quarantine(commit.clear.root));
  EXPECT_FALSE(space->get(commit.clear.root));
  EXPECT_EQ(world.host->tenants()->front().quarantined, 2U);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->objects_sent, 2U);
  EXPECT_TRUE(pushed->could_not_heal.empty());
  EXPECT_EQ(world.host->tenants()->front().quarantined, 0U);
  expect_complete(world, *station, commit);
}

// Goal: of what the peer found damaged, what is made of objects that it lost without noticing is healed together with
// them; and where they are nowhere any more, the rest is healed, and the push goes on.
TEST(PushTest, WhatIsLostBelowDamageIsHealedWithIt) {
  for (const bool is_evicted : {false, true}) {
    SCOPED_TRACE(is_evicted ? "and the station has evicted it" : "and the station has it");
    PeerWorld world;
    TestVault station;
    world.join(*station);
    const auto commit = take_snapshot(*station, numbers(0, 30));
    ASSERT_TRUE(world.sync(*station));
    auto& objects = station->objects();
    const auto below = objects.children(station->space(), commit.clear.root)->front();
    storage::ObjectId other;  // not above what is lost
    for (const auto& id : closure_of(objects, commit))
      if (id != below && (*objects.info(station->space(), id))->height == 0) other = id;
    world.lose(station->space(), {below});
    ASSERT_TRUE(world.caller(*station).space->quarantine(commit.clear.root));
    ASSERT_TRUE(world.caller(*station).space->quarantine(other));
    if (is_evicted) {
      ASSERT_TRUE(objects.evict(station->space(), {&below, 1}));
    }
    const auto pushed = world.sync(*station);
    ASSERT_TRUE(pushed) << pushed.error().message();
    EXPECT_TRUE(world.caller(*station).space->get(other));
    EXPECT_EQ(world.host->tenants()->front().quarantined, is_evicted ? 1U : 0U);
    if (!is_evicted) expect_complete(world, *station, commit);
  }
}

// Goal: a damaged object that the station has evicted is reported and counts as absent there from now on; a snapshot
// that was already made with it gets its receipt all the same (else the branch would stand still for ever).
TEST(PushTest, ALossIsReportedAndSnapshotsGoOn) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto first = take_snapshot(*station, numbers(0, 30));
  ASSERT_TRUE(world.sync(*station));
  auto& objects = station->objects();
  storage::ObjectId lost;
  for (const auto& id : closure_of(objects, first))
    if ((*objects.info(station->space(), id))->height == 0) lost = id;
  const auto second = take_snapshot(*station, numbers(0, 31));
  ASSERT_TRUE(closure_of(objects, second).contains(lost));
  ASSERT_TRUE(objects.evict(station->space(), {&lost, 1}));
  ASSERT_TRUE(world.caller(*station).space->quarantine(lost));

  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->commits, 1U);
  EXPECT_EQ(pushed->could_not_heal, std::vector{lost});
  EXPECT_FALSE(storage::counts_as_present(*objects.info(station->space(), lost)));

  take_snapshot(*station, numbers(0, 32));  // seals the lost file again, here to the same id
  const auto healed = world.sync(*station);
  ASSERT_TRUE(healed) << healed.error().message();
  EXPECT_TRUE(healed->could_not_heal.empty());
  EXPECT_TRUE(world.caller(*station).space->get(lost));
}

// Goal: more losses than one message can name do not stop the snapshots for ever: they are named piece by piece.
TEST(PushTest, ManyLossesAreNamedPieceByPiece) {
  const std::unique_ptr<rocksdb::Env> disk(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  PeerWorld world(5, disk.get());
  TestVault station;
  world.join(*station);
  constexpr std::uint64_t kLost = 4200;
  const auto first = take_snapshot(*station, numbers(kLost), 10);
  ASSERT_TRUE(world.sync(*station));
  const auto second = take_snapshot(*station, numbers(kLost + 1), 10);
  auto space = world.caller(*station).space;
  std::size_t lost = 0;
  for (const auto& id : closure_of(station->objects(), first)) {
    if ((*station->objects().info(station->space(), id))->height > 0) continue;
    ASSERT_TRUE(station->objects().quarantine(station->space(), id));
    ASSERT_TRUE(space->quarantine(id));
    ++lost;
  }
  ASSERT_GT(lost, kMaxIdsPerMessage);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->commits, 1U);
  EXPECT_EQ(pushed->could_not_heal.size(), lost);
  EXPECT_TRUE(station->store().receipt_of(second.id)->has_value());
  EXPECT_EQ(world.host->tenants()->front().quarantined, lost);
}

// Goal: snapshots of an epoch that was renewed meanwhile, which the peer will never take, do not block the branch: they
// are set aside, and the next one continues the last that has a receipt.
TEST(PushTest, SnapshotsOfAnOlderEpochAreSetAside) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  const auto first = take_snapshot(*station, numbers(0, 10));
  ASSERT_TRUE(world.sync(*station));
  take_snapshot(*station, numbers(0, 11));
  take_snapshot(*station, numbers(0, 12));
  EXPECT_EQ(*station->set_aside_unpushable(), 0U);
  const auto rotation =
      storage::rotate_epoch(station->log(), station->device_keys(), station.clock.now(), station.random);
  ASSERT_TRUE(rotation);
  ASSERT_TRUE(world.caller(*station).space->append_record(*rotation));
  const auto refused = world.sync(*station);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_state);
  EXPECT_TRUE(station->unreceipted()->empty());
  EXPECT_EQ((*station->latest())->commit.id, first.id);
  EXPECT_EQ(station->snapshots()->size(), 3U);  // listed and restored as before, if from here only

  const auto next = take_snapshot(*station, numbers(0, 13));
  EXPECT_EQ(next.clear.sequence, 2U);
  EXPECT_EQ(next.clear.parents, std::vector{first.id});
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  expect_complete(world, *station, next);
}

// Goal: an object that is damaged here before the peer has it waits for the next backup; when that does not bring it
// back, the snapshots that need it are set aside, and later ones pass.
TEST(PushTest, ALostObjectDoesNotBlockTheBranch) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  auto& objects = station->objects();
  const auto first = take_snapshot(*station, numbers(0, 30));
  for (const auto& id : closure_of(objects, first))
    if ((*objects.info(station->space(), id))->height == 0) {
      ASSERT_TRUE(objects.quarantine(station->space(), id));
      break;
    }
  const auto waiting = world.sync(*station);
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, ErrorCode::corrupt);
  EXPECT_EQ(station->unreceipted()->size(), 1U);
  take_snapshot(*station, numbers(100, 130));
  ASSERT_FALSE(world.sync(*station));
  EXPECT_TRUE(station->unreceipted()->empty());
  EXPECT_EQ(station->snapshots()->size(), 2U);
  const auto later = take_snapshot(*station, numbers(100, 130));
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  expect_complete(world, *station, later);
}

// Goal: the quota is named, nothing is lost, and more room lets the push go on.
TEST(PushTest, AFullQuotaIsRefusedWithASentence) {
  PeerWorld world;
  TestVault station;
  world.join(*station, 100'000);
  take_snapshot(*station, numbers(0, 100));
  const auto pushed = world.sync(*station);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::refused);
  EXPECT_NE(pushed.error().message().find("100000"), std::string::npos) << pushed.error().message();
  EXPECT_EQ(station->unreceipted()->size(), 1U);
  EXPECT_LE(world.host->tenants()->front().used_bytes, 100'000U);
}

// Goal: SIGTERM during a push leaves a session in step and a push that resumes.
TEST(PushTest, ACancelledPushResumes) {
  PeerWorld world;
  TestVault station;
  world.join(*station);
  take_snapshot(*station, numbers(0, 30));
  world.progress.cancel = true;
  const auto pushed = world.sync(*station);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::cancelled);
  world.progress.cancel = false;
  EXPECT_TRUE(world.sync(*station));
}

}  // namespace
}  // namespace beffroi::daemon::testing
