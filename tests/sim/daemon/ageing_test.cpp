// Snapshots grow old at a peer: what the rules keep stays whole, what they let go gives its room back, and stations
// agree with every bit of it.
#include <gtest/gtest.h>

#include "daemon/peer/scrub.h"
#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

using storage::Commit;
using storage::KeepReason;

constexpr std::int64_t kDay = 24 * 3600;

/// A peer and a station whose clocks go together, and the person with the kit.
class AgeingTest : public ::testing::Test {
 protected:
  AgeingTest() {
    world.join(*station);
    station.clock.wall_s = world.clock.wall_s;
  }

  void pass(std::int64_t seconds) {
    world.clock.wall_s += seconds;
    station.clock.wall_s = world.clock.wall_s;
  }
  /// A snapshot with a file of its own beside ten that all share.
  Commit back_up(std::uint64_t number) {
    auto files = numbers(10);
    files.insert(1000 + number);
    Commit commit = take_snapshot(*station, files);
    const auto pushed = world.sync(*station);
    EXPECT_TRUE(pushed) << pushed.error().message();
    return commit;
  }
  void append(const storage::RecordBody& body) {
    const storage::SpaceLog log = station->log();
    const std::vector<Bytes> records{
        storage::make_record(&log.head(), log.space(), body, station.clock.now(), station.root.sign)};
    ASSERT_TRUE(station->append_records(records));
    ASSERT_TRUE(world.sync(*station));
  }
  std::uint64_t expire() {
    const auto gone = space()->expire(world.clock.now());
    EXPECT_TRUE(gone) << gone.error().message();
    return gone.value_or(0);
  }
  storage::CollectorCounts collect() {
    auto collection = space()->begin_collection();
    EXPECT_TRUE(collection) << collection.error().message();
    Result<bool> more = true;
    while (more && *more) more = (*collection)->step();
    EXPECT_TRUE(more);
    return (*collection)->counts();
  }
  std::shared_ptr<HostedSpace> space() { return world.caller(*station).space; }
  bool is_listed(const Commit& commit) {
    const auto snapshots = station->snapshots();
    return std::ranges::any_of(*snapshots, [&](const Snapshot& one) { return one.commit.id == commit.id; });
  }
  std::uint64_t objects_at_peer() { return world.host->objects().usage(station->space())->objects; }

  PeerWorld world;
  TestVault station;
};

// Goal: the whole way, over half a year of nights: old snapshots go, others stay whole, the station follows, and the
// peer holds no more than the held ones need.
TEST_F(AgeingTest, HalfAYearOfNights) {
  std::vector<Commit> nights;
  for (std::uint64_t night = 0; night < 180; ++night) {
    nights.push_back(back_up(night));
    pass(kDay);
  }
  EXPECT_GT(expire(), 60U);
  const auto before = objects_at_peer();
  const auto counts = collect();
  EXPECT_GT(counts.removed, 60U);
  EXPECT_EQ(objects_at_peer(), before - counts.removed);
  std::set<storage::ObjectId> needed;
  const auto held = space()->held_snapshots(world.clock.now());
  ASSERT_TRUE(held);
  for (const auto& commit : nights) {
    const bool is_held =
        std::ranges::any_of(*held, [&](const HeldSnapshot& one) { return one.commit.commit == commit.id; });
    if (!is_held) continue;
    expect_complete(world, *station, commit);
    needed.merge(closure_of(station->objects(), commit));
  }
  EXPECT_EQ(objects_at_peer(), needed.size());
  // The last two months have every night, as the rule of a new vault says.
  for (std::size_t night = nights.size() - 59; night < nights.size(); ++night)
    EXPECT_TRUE([&] {
      return std::ranges::any_of(*held, [&](const HeldSnapshot& one) { return one.commit.commit == nights[night].id; });
    }());
  ASSERT_TRUE(world.sync(*station));
  for (const auto& commit : nights)
    EXPECT_EQ(is_listed(commit),
              std::ranges::any_of(*held, [&](const HeldSnapshot& one) { return one.commit.commit == commit.id; }));
  EXPECT_EQ(expire(), 0U);
}

// Goal: a new vault's rules let nothing go before the lock of 30 days has run out, whatever root signs meanwhile.
TEST_F(AgeingTest, NothingShortensALock) {
  const Commit first = back_up(1);
  const Commit second = back_up(2);
  back_up(3);
  append(storage::RetentionBody{.lock_days = 1});
  append(storage::DeletionBody{{std::min(first.id, second.id), std::max(first.id, second.id)}});
  pass(29 * kDay);
  EXPECT_EQ(expire(), 0U);
  EXPECT_EQ(space()->what_may_go(world.clock.now())->size(), 0U);
  pass(2 * kDay);
  EXPECT_EQ(space()->what_may_go(world.clock.now())->size(), 2U);
  EXPECT_EQ(expire(), 2U);
  collect();
  ASSERT_TRUE(world.sync(*station));
  EXPECT_FALSE(is_listed(first));
  EXPECT_FALSE(is_listed(second));
}

// Goal: the operator can stop a deletion, and then it is done never.
TEST_F(AgeingTest, ACancelledDeletionDeletesNothing) {
  const Commit first = back_up(1);
  back_up(2);
  append(storage::DeletionBody{{first.id}});
  const auto waiting = space()->deletions();
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 1U);
  EXPECT_EQ(waiting->front().due.seconds, waiting->front().received.seconds + 30 * kDay);
  ASSERT_TRUE(space()->cancel_deletion(waiting->front().record));
  pass(40 * kDay);
  EXPECT_EQ(expire(), 0U);
  EXPECT_TRUE(space()->deletions()->front().cancelled);
  expect_complete(world, *station, first);
}

// Goal: who steals a station and floods its branch pushes out nothing of the days before.
TEST_F(AgeingTest, AFloodPushesNoEarlierNightOut) {
  std::vector<Commit> good;
  for (std::uint64_t night = 0; night < 20; ++night) {
    good.push_back(back_up(night));
    pass(kDay);
  }
  for (std::uint64_t fake = 0; fake < 300; ++fake) {
    take_snapshot(*station, {500'000 + fake}, 100);
    pass(60);
  }
  ASSERT_TRUE(world.sync(*station));
  pass(31 * kDay);
  EXPECT_GT(expire(), 200U);
  collect();
  for (const auto& commit : good) expect_complete(world, *station, commit);
}

// Goal: a push that goes on while the peer collects loses nothing: at every answer of the peer a step is taken, and
// what had become garbage is asked for again and again.
TEST_F(AgeingTest, APushBesideACollectionStaysComplete) {
  back_up(1);
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    // Snapshots that come back as garbage: their files are in the next push again.
    const std::uint64_t number = 5000 + static_cast<std::uint64_t>(round % 3) * 10;
    auto files = numbers(number, number + 40);
    const Commit old = take_snapshot(*station, files);
    ASSERT_TRUE(world.sync(*station));
    back_up(100 + static_cast<std::uint64_t>(round));
    pass(4000 * kDay);
    back_up(200 + static_cast<std::uint64_t>(round));
    EXPECT_GE(expire(), 1U);
    auto collection = space()->begin_collection();
    ASSERT_TRUE(collection);
    std::uint64_t answers = 0;
    world.edit_answers = [&](Message&) {
      if (++answers % 3 != static_cast<std::uint64_t>(round % 3)) return;
      const auto more = (*collection)->step();
      EXPECT_TRUE(more) << more.error().message();
    };
    files.insert(9000 + static_cast<std::uint64_t>(round));
    const Commit again = take_snapshot(*station, files);
    const auto pushed = world.sync(*station);
    world.edit_answers = nullptr;
    ASSERT_TRUE(pushed) << pushed.error().message();
    expect_complete(world, *station, again);
    Result<bool> more = true;
    while (more && *more) more = (*collection)->step();
    ASSERT_TRUE(more);
    expect_complete(world, *station, again);
  }
}

// Goal: a push that was cut keeps what it brought across a collection: a lease is all it needs.
TEST_F(AgeingTest, WhatALeaseHoldsIsNotCollected) {
  back_up(1);
  take_snapshot(*station, numbers(300, 500));
  ASSERT_FALSE(world.sync(*station, {.seed = 1, .cut_after_frames = 150}));
  const auto before = objects_at_peer();
  EXPECT_EQ(collect().removed, 0U);
  EXPECT_EQ(objects_at_peer(), before);
  // After 30 days of running time without a word it is given up.
  ASSERT_TRUE(world.host->add_running_time(storage::kLeaseIdleSeconds + 1));
  EXPECT_GT(collect().removed, 5U);
}

// Goal: a second collection of a space waits for the first, and one that is abandoned leaves the way free.
TEST_F(AgeingTest, OneCollectionAtATime) {
  back_up(1);
  {
    const auto first = space()->begin_collection();
    ASSERT_TRUE(first);
    const auto second = space()->begin_collection();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::busy);
  }
  EXPECT_TRUE(space()->begin_collection());
}

// Goal: a scrub goes over everything in small steps, across restarts, and finds what the disk has spoilt; the station
// heals it with its next push.
TEST_F(AgeingTest, AScrubFindsWhatTheDiskSpoiltAndTheStationHealsIt) {
  const Commit commit = back_up(1);
  const auto ids = closure_of(station->objects(), commit);
  const storage::ObjectId spoilt = *std::next(ids.begin(), 3);
  Bytes key = to_bytes(station->space());
  key.insert(key.end(), spoilt.data.begin(), spoilt.data.end());
  auto bytes = world.host->database().get(storage::Table::objects, key);
  ASSERT_TRUE(bytes && *bytes);
  (*bytes)->back() ^= 1;
  ASSERT_TRUE(world.host->database().put(storage::Table::objects, key, **bytes, storage::Durability::synced));
  Scrub::Step step;
  int steps = 0;
  while (!step.ended) {
    world.reopen_peer();
    auto next = Scrub(*world.host, world.clock).step(1);
    ASSERT_TRUE(next) << next.error().message();
    step = *next;
    ASSERT_LT(++steps, 1000);
  }
  EXPECT_GE(steps, static_cast<int>(ids.size()));
  EXPECT_EQ(step.pass.objects, ids.size());
  EXPECT_EQ(step.pass.damaged, 1U);
  EXPECT_EQ(load_scrub(world.host->database())->ended, world.clock.now());
  back_up(2);
  expect_complete(world, *station, commit);
}

// Goal: what was found damaged while a collection ran, and was removed by it, is wanted by nobody afterwards. (A
// station that still had it could push nothing any more: what is below it is here no longer.)
TEST_F(AgeingTest, WhatIsCollectedIsNotWantedAnyMore) {
  const Commit old = back_up(1);
  back_up(2);
  pass(4000 * kDay);
  back_up(3);
  ASSERT_GE(expire(), 1U);
  const auto collection = space()->begin_collection();
  ASSERT_TRUE(collection);
  ASSERT_TRUE(space()->quarantine(old.clear.root));
  Result<bool> more = true;
  while (more && *more) more = (*collection)->step();
  ASSERT_TRUE(more);
  ASSERT_FALSE(world.host->objects().info(station->space(), old.clear.root)->has_value());
  EXPECT_TRUE(space()->wanted_for_healing()->empty());
  back_up(4);
}

// Goal: a recovery while the old machine still pushes cuts its last snapshot off, acknowledged or not. A quarter later,
// when snapshots of both machines go, station and peer agree on every one, and nobody is accused of anything.
TEST_F(AgeingTest, ARecoveryBesideAnOldMachineAccusesNobody) {
  for (std::uint64_t night = 0; night < 20; ++night) {
    back_up(night);
    pass(kDay);
  }
  std::optional<Commit> cut_off;
  SecondDevice fresh(world, station, false, [&] { cut_off = back_up(500); });
  const auto keep_time = [&] { fresh.clock.wall_s = world.clock.wall_s; };
  keep_time();
  take_snapshot(*station, numbers(3));
  const auto refused = world.sync(*station);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().code, ErrorCode::corrupt) << refused.error().message();
  {
    auto link = world.connect(*fresh);
    ASSERT_TRUE(link);
    const auto missing = world.run((*link)->fetch_trees(*fresh, world.pool, world.progress));
    ASSERT_TRUE(missing) << missing.error().message();
    EXPECT_EQ(*missing, 0U);
  }
  for (std::uint64_t night = 0; night < 20; ++night) {
    take_snapshot(*fresh, numbers(night, night + 8));
    const auto pushed = world.sync(*fresh);
    ASSERT_TRUE(pushed) << pushed.error().message();
    pass(kDay);
    keep_time();
  }
  pass(90 * kDay);
  keep_time();
  take_snapshot(*fresh, numbers(200, 208));
  ASSERT_TRUE(world.sync(*fresh));
  const auto hosted = world.caller(*fresh).space;
  const auto expired = hosted->expire(world.clock.now());
  ASSERT_TRUE(expired) << expired.error().message();
  EXPECT_GT(*expired, 10U);
  auto collection = hosted->begin_collection();
  ASSERT_TRUE(collection);
  Result<bool> more = true;
  while (more && *more) more = (*collection)->step();
  ASSERT_TRUE(more);

  auto link = world.connect(*fresh);
  ASSERT_TRUE(link);
  const auto exchanged = world.run((*link)->exchange_state(*fresh, world.pool));
  ASSERT_TRUE(exchanged) << exchanged.error().message();
  const auto audited = world.run((*link)->audit(*fresh, world.pool, fresh.random, world.progress));
  ASSERT_TRUE(audited) << audited.error().message();
  EXPECT_TRUE(audited->missing.empty());
  std::set<storage::CommitId> listed;
  for (const Snapshot& snapshot : *fresh->snapshots()) {
    listed.insert(snapshot.commit.id);
    expect_complete(world, *fresh, snapshot.commit);
  }
  EXPECT_FALSE(listed.contains(cut_off->id));
  std::set<storage::CommitId> held;
  for (const HeldSnapshot& snapshot : *hosted->held_snapshots(world.clock.now()))
    if (snapshot.commit.commit != cut_off->id) held.insert(snapshot.commit.commit);
  EXPECT_EQ(listed, held);
  EXPECT_LT(listed.size(), 41U - 10U);
}

// A snapshot of one file, whose content is this object.
Commit snapshot_of(Vault& vault, const storage::ObjectId& chunk, ByteView content) {
  VaultSink sink(vault);
  storage::TreeBuilder tree(sink.keys(), sink);
  storage::Segment segment{.length = content.size(), .object = {}, .digest = sink.keys().digests().chunk(content)};
  segment.object = storage::ObjectRef{.id = chunk, .height = 0};
  storage::Entry entry;
  entry.path = "file";
  entry.size = content.size();
  entry.segments = {segment};
  entry.content_digest = storage::content_digest_of(sink.keys().digests(), entry.segments);
  BEFFROI_ASSERT(tree.add(entry).has_value());
  auto commit = vault.commit(*tree.finish(), {}, 0);
  BEFFROI_ASSERT(commit.has_value());
  return std::move(*commit);
}

// Goal: a snapshot counts on data of an older epoch that a receipt once covered, and that the peer has let go since. It
// is set aside, and the data no longer counts as receipted: the next backup stores it anew, and its push succeeds.
TEST_F(AgeingTest, WhatThePeerLetGoIsStoredAnewInANewEpoch) {
  const Commit old = back_up(1);
  back_up(2);
  pass(4000 * kDay);
  const Commit newest = back_up(3);
  ASSERT_GE(expire(), 1U);
  collect();
  ASSERT_TRUE(world.sync(*station));
  const SecondDevice second(world, station, true);
  ASSERT_TRUE(world.sync(*station));
  auto& objects = station->objects();
  std::set<storage::ObjectId> gone = closure_of(objects, old);
  for (const auto& id : closure_of(objects, newest)) gone.erase(id);
  gone.erase(old.clear.root);
  ASSERT_EQ(gone.size(), 1U);
  crypto::SeededRandom random(1001);
  Bytes content(5000 + 1001);
  random.fill(content);
  snapshot_of(*station, *gone.begin(), content);

  const auto refused = world.sync(*station);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_state) << refused.error().message();
  EXPECT_FALSE((*objects.info(station->space(), *gone.begin()))->receipted);
  EXPECT_TRUE(station->unreceipted()->empty());
  back_up(4);
}

}  // namespace
}  // namespace beffroi::daemon::testing
