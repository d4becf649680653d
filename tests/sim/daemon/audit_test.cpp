// Audits: a peer that lost or spoilt something is found out by chance, named until it is mended, and mended where that
// is possible; an honest one never is.
#include <gtest/gtest.h>

#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    world.join(*station);
    commit = take_snapshot(*station, numbers(30));
    BEFFROI_ASSERT(world.sync(*station).has_value());
  }
  Result<AuditReport> audit() {
    auto link = world.connect(*station);
    if (!link) return forward_error(link);
    if (auto exchanged = world.run((*link)->exchange_state(*station, world.pool)); !exchanged)
      return forward_error(exchanged);
    return world.run((*link)->audit(*station, world.pool, station.random, world.progress));
  }
  std::vector<storage::ObjectId> contents() {
    std::vector<storage::ObjectId> out;
    for (const auto& id : closure_of(station->objects(), commit))
      if (info(id).height == 0) out.push_back(id);
    return out;
  }
  storage::ObjectInfo info(const storage::ObjectId& id) { return **station->objects().info(station->space(), id); }

  PeerWorld world;
  TestVault station;
  storage::Commit commit;
};

// Goal: an honest peer passes, asked for trees and contents, many times.
TEST_F(AuditTest, AnHonestPeerPasses) {
  for (int i = 0; i < 20; ++i) {
    const auto report = audit();
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->snapshots, 1U);
    EXPECT_GT(report->objects, 5U);
    EXPECT_LE(report->objects, kAuditObjects);
    EXPECT_GT(report->bytes, 0U);
    EXPECT_LE(report->bytes, kAuditBytes);
    EXPECT_TRUE(report->missing.empty());
  }
  std::set<std::uint8_t> heights;
  for (int i = 0; i < 20; ++i)
    for (const auto& object : *AuditDraw(*station, station.random).draw()) heights.insert(info(object.id).height);
  EXPECT_TRUE(heights.contains(0) && heights.contains(1));
}

// Goal: what people would miss is what is asked for: three ways in four end at a content, however high the tree is.
TEST_F(AuditTest, MostOfWhatIsAskedForIsContents) {
  commit = take_snapshot(*station, numbers(2500), 10);
  ASSERT_TRUE(world.sync(*station));
  ASSERT_GE(info(commit.clear.root).height, 2);
  constexpr int kDraws = 150;
  int contents_first = 0;
  for (int i = 0; i < kDraws; ++i) {
    // The first of each draw alone: later ones are never the same again, and there are few trees.
    const auto drawn = AuditDraw(*station, station.random).draw();
    ASSERT_TRUE(drawn && !drawn->empty());
    if (info(drawn->front().id).height == 0) ++contents_first;
  }
  EXPECT_GT(contents_first, kDraws * 2 / 3);
  EXPECT_LT(contents_first, kDraws) << "trees are asked for as well";
}

// Goal: what the peer lost without a trace is found, offered again by the next push, and then no longer missing.
TEST_F(AuditTest, WhatIsMissingIsFoundAndSentAgain) {
  world.lose(station->space(), contents());
  const auto report = audit();
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_FALSE(report->missing.empty());
  for (const auto& id : report->missing) {
    EXPECT_FALSE(info(id).receipted) << "its bytes here must not be evicted";
    EXPECT_TRUE(info(id).bytes_present);
  }
  station.reopen();
  EXPECT_EQ(*station->lost_by_peer(), report->missing);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->objects_sent, report->missing.size());
  auto space = world.caller(*station).space;
  for (const auto& id : report->missing) EXPECT_TRUE(space->get(id)) << id.hex();
  // By and by all of it is drawn.
  const auto all_there = [&] {
    return std::ranges::all_of(contents(), [&](const auto& id) { return space->get(id).has_value(); });
  };
  for (int i = 0; i < 200 && !(all_there() && station->lost_by_peer()->empty()); ++i)
    ASSERT_TRUE(audit() && world.sync(*station));
  EXPECT_TRUE(all_there());
  EXPECT_TRUE(audit()->missing.empty());
  for (const auto& id : report->missing) EXPECT_TRUE(info(id).receipted);
}

// Goal: what was evicted here and is gone there counts as absent, so that the next backup stores it anew.
TEST_F(AuditTest, WhatIsNowhereCountsAsAbsent) {
  ASSERT_TRUE(station->objects().evict(station->space(), contents()));
  world.lose(station->space(), contents());
  const auto report = audit();
  ASSERT_TRUE(report && !report->missing.empty());
  for (const auto& id : report->missing) EXPECT_FALSE(storage::counts_as_present(info(id)));
  EXPECT_TRUE(world.sync(*station)) << "snapshots go on";
}

// Goal: wrong bytes are as bad as none; a peer that mends itself is believed again, and what was marked is as before.
TEST_F(AuditTest, WrongBytesAreFound) {
  ASSERT_TRUE(station->objects().evict(station->space(), contents()));
  world.edit_objects = [](Bytes& bytes) { bytes.back() ^= 1; };
  const auto report = audit();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->missing.size(), report->objects);
  EXPECT_EQ(report->bytes, 0U);
  world.edit_objects = {};
  for (int i = 0; i < 8 && !audit()->missing.empty(); ++i) continue;
  EXPECT_TRUE(station->lost_by_peer()->empty());
  for (const auto& id : contents()) EXPECT_TRUE(storage::counts_as_present(info(id)));
}

// Goal: the line is not busy for long, however big the objects are.
TEST_F(AuditTest, BigObjectsDoNotKeepTheLineBusy) {
  commit = take_snapshot(*station, numbers(12), 1'500'000);
  ASSERT_TRUE(world.sync(*station));
  for (int i = 0; i < 5; ++i) {
    const auto report = audit();
    ASSERT_TRUE(report);
    EXPECT_LE(report->bytes, kAuditBytes);
    EXPECT_TRUE(report->missing.empty());
  }
}

// Goal: what the peer lets go in the middle of an audit, by the rules, is not missing.
TEST_F(AuditTest, WhatGoesMeanwhileIsNotMissing) {
  constexpr std::int64_t kDayS = 24LL * 3600;
  for (std::uint64_t i = 0; i < 2; ++i) {
    world.clock.wall_s += 600;
    take_snapshot(*station, numbers(100 * (i + 1), 100 * (i + 1) + 30));
    ASSERT_TRUE(world.sync(*station));
  }
  world.clock.wall_s += 31 * kDayS;
  station.clock.wall_s = world.clock.wall_s;
  auto link = world.connect(*station);
  ASSERT_TRUE(link);
  ASSERT_TRUE(world.run((*link)->exchange_state(*station, world.pool)));
  auto space = world.caller(*station).space;
  ASSERT_EQ(*space->expire(world.clock.now()), 1U);
  const auto middle = *station->resolve((*station->snapshots())[1].commit.id.hex());
  const auto objects = storage::make_object_store(world.host->database());
  for (const auto& id : closure_of(station->objects(), middle.commit))
    if (info(id).height == 0) ASSERT_TRUE(objects->remove(station->space(), {&id, 1}));
  const auto report = world.run((*link)->audit(*station, world.pool, station.random, world.progress));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->missing.empty());
  EXPECT_EQ(station->snapshots()->size(), 2U);
}

// Goal: a clock that is far behind excuses what the peer says that it let go, and nothing else.
TEST_F(AuditTest, AWrongClockExcusesOnlyWhatIsCalledGone) {
  constexpr std::int64_t kDayS = 24LL * 3600;
  constexpr int kAudits = 20;
  for (std::uint64_t i = 0; i < 2; ++i) {
    world.clock.wall_s += 600;
    take_snapshot(*station, numbers(100 * (i + 1), 100 * (i + 1) + 30));
    ASSERT_TRUE(world.sync(*station));
  }
  world.clock.wall_s += 31 * kDayS;
  ASSERT_EQ(*world.caller(*station).space->expire(world.clock.now()), 1U);
  const auto snapshots = *station->snapshots();
  const auto lose_contents = [&](const storage::Commit& of) {
    const auto objects = storage::make_object_store(world.host->database());
    for (const auto& id : closure_of(station->objects(), of))
      if (info(id).height == 0) ASSERT_TRUE(objects->remove(station->space(), {&id, 1}));
  };
  lose_contents(snapshots[1].commit);
  int unsure = 0;
  for (int i = 0; i < kAudits; ++i) {
    const auto report = audit();
    if (report) EXPECT_TRUE(report->missing.empty());
    if (report) continue;
    EXPECT_EQ(report.error().code, ErrorCode::wrong_state) << report.error().message();
    ++unsure;
  }
  EXPECT_GT(unsure, 0);
  EXPECT_TRUE(station->lost_by_peer()->empty());
  lose_contents(snapshots[0].commit);
  bool missed = false;
  for (int i = 0; i < kAudits && !missed; ++i) {
    const auto report = audit();
    missed = report && !report->missing.empty();
  }
  EXPECT_TRUE(missed) << "that one the peer still has to have";
}

// Goal: before the first receipt there is nothing to ask for.
TEST(AuditDrawTest, WithoutReceiptsNothingIsDrawn) {
  TestVault station;
  take_snapshot(*station, numbers(5));
  AuditDraw draw(*station, station.random);
  EXPECT_TRUE(draw.draw()->empty());
  EXPECT_EQ(draw.snapshots(), 0U);
}

}  // namespace
}  // namespace beffroi::daemon::testing
