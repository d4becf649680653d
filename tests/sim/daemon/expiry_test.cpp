// What a peer lets go: a station takes it when its own rules say the same, and changes nothing when they do not.
#include <gtest/gtest.h>

#include "daemon/vault/ageing.h"
#include "daemon/vault/collection.h"
#include "daemon/vault/device_key_file.h"
#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

using storage::CommitId;
using storage::Expiry;

constexpr std::int64_t kDayS = 24LL * 3600;

/// Four snapshots in one hour, each with receipt. By the rules that a vault is founded with, the two in the middle may
/// go after 30 days; the first and the last of a day stay for 60.
class ExpiryTest : public ::testing::Test {
 protected:
  ExpiryTest() {
    world.join(*station);
    for (std::uint64_t i = 0; i < 4; ++i) {
      commits.push_back(take_snapshot(*station, numbers(10 * i, 10 * i + 12)));
      BEFFROI_ASSERT(world.sync(*station).has_value());
      pass(600);
    }
    pass(31 * kDayS);
    auto keys = read_device_keys(world.folder.path() + "/peer/keys");
    BEFFROI_ASSERT(keys && *keys);
    peer_keys = std::move(*keys);
  }
  void pass(std::int64_t seconds) {
    world.clock.wall_s += seconds;
    station.clock.wall_s += seconds;
  }
  std::shared_ptr<HostedSpace> space() { return world.caller(*station).space; }
  std::set<CommitId> listed(Vault& vault) {
    std::set<CommitId> out;
    for (const Snapshot& snapshot : *vault.snapshots()) out.insert(snapshot.commit.id);
    return out;
  }
  std::set<CommitId> ids(std::initializer_list<std::size_t> which) {
    std::set<CommitId> out;
    for (const std::size_t i : which) out.insert(commits[i].id);
    return out;
  }
  /// A validly signed first expiry that names one commit.
  Expiry expiry_of(std::size_t commit) {
    Expiry out;
    out.space = station->space();
    out.counter = 1;
    out.as_of = world.clock.now();
    out.log_head = station->log().head().id;
    out.gone = {{commits[commit].id, std::nullopt}};
    return out;
  }
  /// The peer shows this as all that it let go.
  void show(std::vector<Expiry> shown) {
    ExpiriesMessage answer;
    for (Expiry& expiry : shown) {
      answer.expiries.push_back(storage::make_expiry(expiry, peer_keys->sign));
      answer.newest = expiry.counter;
    }
    world.edit_answers = [answer](Message& message) {
      if (auto* expiries = std::get_if<ExpiriesMessage>(&message)) *expiries = answer;
    };
  }
  void expect_refused(const std::string& words, std::set<CommitId> stay, std::uint64_t known = 0) {
    for (int i = 0; i < 2; ++i) {
      const auto synced = world.sync(*station);
      ASSERT_FALSE(synced) << words;
      EXPECT_EQ(synced.error().code, ErrorCode::corrupt) << synced.error().message();
      EXPECT_NE(synced.error().message().find(words), std::string::npos) << synced.error().message();
      EXPECT_EQ(listed(*station), stay);
      EXPECT_EQ(*station->newest_expiry(), known);
    }
  }
  storage::RecordId add(const Bytes& record) {
    BEFFROI_ASSERT(space()->append_record(record).has_value());
    BEFFROI_ASSERT(world.sync(*station).has_value());
    return station->log().head().id;
  }
  storage::RecordId delete_first() {
    const auto record = storage::delete_commits(station.root, station->log(), {commits[0].id}, station.clock.now());
    BEFFROI_ASSERT(record.has_value());
    return add(*record);
  }

  PeerWorld world;
  TestVault station;
  std::vector<storage::Commit> commits;
  std::optional<crypto::DeviceKeys> peer_keys;
};

// Goal: what went by the rules leaves the station's lists, and stays away after a restart; what only it needed is
// collected, and nothing else.
TEST_F(ExpiryTest, WhatWentByTheRulesIsTaken) {
  std::set<storage::ObjectId> going = closure_of(station->objects(), commits[1]);
  going.merge(closure_of(station->objects(), commits[2]));
  for (const std::size_t kept : {0U, 3U})
    for (const auto& id : closure_of(station->objects(), commits[kept])) going.erase(id);
  ASSERT_FALSE(going.empty());
  EXPECT_EQ(*space()->expire(world.clock.now()), 2U);
  EXPECT_FALSE(station->collection_due());
  const auto synced = world.sync(*station);
  ASSERT_TRUE(synced) << synced.error().message();
  EXPECT_EQ(listed(*station), ids({0, 3}));
  EXPECT_TRUE(station->collection_due());
  station.reopen();
  EXPECT_EQ(listed(*station), ids({0, 3}));
  EXPECT_TRUE(station->collection_due()) << "a crash before the collection must not lose it";
  Progress progress;
  const auto collected = collect(*station, station.random, progress);
  ASSERT_TRUE(collected) << collected.error().message();
  EXPECT_EQ(collected->snapshots, 2U);
  EXPECT_EQ(collected->objects, going.size());
  EXPECT_FALSE(station->collection_due());
  EXPECT_FALSE(*station->objects().info(station->space(), commits[1].clear.root));
  for (const std::size_t kept : {0U, 3U}) expect_complete(world, *station, commits[kept]);
  EXPECT_TRUE(world.sync(*station)) << "the same once more";
  take_snapshot(*station, numbers(50, 60));
  EXPECT_TRUE(world.sync(*station)) << "the branch goes on";
}

// Goal: a snapshot that a rule keeps is missed, whatever the peer signs.
TEST_F(ExpiryTest, AKeptSnapshotIsMissed) {
  const auto all = ids({0, 1, 2, 3});
  show({expiry_of(0)});
  expect_refused("although the rules of this vault keep it", all);
  Expiry early = expiry_of(1);
  early.as_of.seconds -= 10 * kDayS;  // its lock was not over by then
  show({early});
  expect_refused("although the rules", all);
  Expiry unknown = expiry_of(1);
  unknown.gone = {{CommitId{{7}}, std::nullopt}};
  show({unknown});
  expect_refused("although the rules", all);
  EXPECT_FALSE(station->collection_due());
  world.edit_answers = {};
  EXPECT_TRUE(world.sync(*station)) << "an honest peer is believed again";
}

// Goal: nobody decides by a log that is older than what was signed for since, nor under another one.
TEST_F(ExpiryTest, AnOlderLogDecidesNothing) {
  Expiry old = expiry_of(1);
  old.log_head = station->log().records()[1].id;
  show({old});
  expect_refused("older than those it had signed for", ids({0, 1, 2, 3}));
  Expiry hidden = expiry_of(1);
  hidden.log_head = storage::RecordId{{7}};
  show({hidden});
  expect_refused("by a log which it hides", ids({0, 1, 2, 3}));
}

// Goal: a log that grows while the peer shows what it let go hides nothing: that is judged by it.
TEST_F(ExpiryTest, ALogThatGrowsMeanwhileHidesNothing) {
  std::optional<Expiry> decided;
  world.edit_answers = [&](Message& message) {
    auto* expiries = std::get_if<ExpiriesMessage>(&message);
    if (expiries == nullptr) return;
    if (!decided) {
      const auto rules = storage::RetentionBody{.lock_days = 90};
      const auto record = storage::set_retention(station.root, station->log(), rules, station.clock.now());
      BEFFROI_ASSERT(record && space()->append_record(*record));
      decided = expiry_of(1);
      decided->log_head = space()->log().head().id;
    }
    *expiries = {};
    expiries->newest = 1;
    expiries->expiries = {storage::make_expiry(*decided, peer_keys->sign)};
  };
  expect_refused("although the rules", ids({0, 1, 2, 3}));
}

// Goal: what went by a snapshot that reached the peer in the middle of an exchange accuses nobody: it is taken by the
// exchange that hears of that snapshot.
TEST_F(ExpiryTest, ASnapshotOfMeanwhileMayLetOthersGo) {
  SecondDevice second(world, station, true);
  const auto back_up = [&](std::uint64_t number) {
    pass(60);
    second.clock.wall_s = world.clock.wall_s;
    const auto commit = take_snapshot(*second, numbers(number));
    EXPECT_TRUE(world.sync(*second));
    return commit;
  };
  second.clock.wall_s = world.clock.wall_s;
  ASSERT_TRUE(world.sync(*second));
  back_up(3);
  const storage::Commit going = back_up(4);
  ASSERT_TRUE(world.sync(*station));
  ASSERT_TRUE(listed(*station).contains(going.id));
  back_up(5);
  pass(31 * kDayS);
  ASSERT_GT(*space()->expire(world.clock.now()), 0U);
  // As if the third one had come, and what it frees gone, behind the answer that says how long the branches are.
  bool told = false;
  world.edit_answers = [&](Message& message) {
    auto* expiries = std::get_if<ExpiriesMessage>(&message);
    if (expiries != nullptr && !told) *expiries = {};
    auto* heads = std::get_if<HeadsMessage>(&message);
    if (heads == nullptr || std::exchange(told, true)) return;
    for (auto& head : heads->heads)
      if (head.device == second->device_id()) head = {head.device, going.clear.sequence, going.id};
  };
  const auto synced = world.sync(*station);
  ASSERT_TRUE(synced) << synced.error().message();
  EXPECT_EQ(*station->newest_expiry(), 0U);
  const auto again = world.sync(*station);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*station->newest_expiry(), 1U);
  EXPECT_FALSE(listed(*station).contains(going.id));
}

// Goal: expiries are one chain: it never goes back, parts, or is shown out of its order.
TEST_F(ExpiryTest, TheChainHoldsTogether) {
  Expiry first = expiry_of(1);
  show({first});
  ASSERT_TRUE(world.sync(*station));
  const auto left = ids({0, 2, 3});
  EXPECT_EQ(listed(*station), left);
  world.edit_answers = [](Message& message) {
    if (auto* expiries = std::get_if<ExpiriesMessage>(&message)) *expiries = {};
  };
  expect_refused("no longer shows", left, 1);
  show({expiry_of(2)});
  expect_refused("two stories", left, 1);
  storage::make_expiry(first, peer_keys->sign);  // fills its id
  Expiry second = expiry_of(2);
  second.counter = 2;
  second.previous = storage::ExpiryId{{7}};
  show({first, second});
  expect_refused("two stories", left, 1);
  second.previous = first.id;
  second.as_of.seconds = first.as_of.seconds - 1;
  show({first, second});
  expect_refused("two stories", left, 1);
  second.as_of = first.as_of;
  show({first, first, second});
  expect_refused("in the place of number 2", left, 1);
  show({first, second});
  ASSERT_TRUE(world.sync(*station));
  EXPECT_EQ(listed(*station), ids({0, 3}));
}

// Goal: a deletion that waited takes even what the rules keep; one that was cancelled, by a member without the kit,
// takes nothing; nor does one that names something else.
TEST_F(ExpiryTest, ADeletionWaitsAndCanBeCancelled) {
  const storage::RecordId deletion = delete_first();
  EXPECT_EQ(*space()->expire(world.clock.now()), 2U) << "those in the middle only";
  ASSERT_TRUE(world.sync(*station));
  const auto left = ids({0, 3});
  ASSERT_EQ(listed(*station), left);
  ASSERT_EQ(station->deletions().size(), 1U);
  EXPECT_EQ(station->deletions()[0].state, Deletion::State::waiting);

  const auto taken_back =
      storage::cancel_deletion(station->log(), station->device_keys(), deletion, station.clock.now());
  ASSERT_TRUE(taken_back);
  add(*taken_back);
  EXPECT_EQ(station->deletions()[0].state, Deletion::State::cancelled);
  pass(31 * kDayS);
  EXPECT_EQ(*space()->expire(world.clock.now()), 0U);
  const auto known = storage::decode_expiry(space()->expiries_from(1)->front(), peer_keys->sign.public_key);
  ASSERT_TRUE(known);
  Expiry forged = expiry_of(0);
  forged.counter = 2;
  forged.previous = known->id;
  forged.gone = {{commits[0].id, deletion}};
  show({*known, forged});
  expect_refused("although the rules", left, 1);
}

TEST_F(ExpiryTest, ADeletionIsDoneAfterItsWait) {
  delete_first();
  pass(29 * kDayS);
  EXPECT_EQ(*space()->expire(world.clock.now()), 2U);
  pass(2 * kDayS);
  EXPECT_EQ(*space()->expire(world.clock.now()), 1U);
  ASSERT_TRUE(world.sync(*station));
  EXPECT_EQ(listed(*station), ids({3}));
  EXPECT_EQ(station->deletions()[0].state, Deletion::State::done);
}

// Goal: a recovery after snapshots went, and were collected at the peer, misses nothing and lists what is held.
TEST_F(ExpiryTest, ARecoveryDoesNotLookForWhatWent) {
  ASSERT_EQ(*space()->expire(world.clock.now()), 2U);
  std::set<storage::ObjectId> needed;
  for (const std::size_t kept : {0U, 3U}) needed.merge(closure_of(station->objects(), commits[kept]));
  std::vector<storage::ObjectId> gone;
  for (const std::size_t went : {1U, 2U})
    for (const auto& id : closure_of(station->objects(), commits[went]))
      if (!needed.contains(id) && std::ranges::find(gone, id) == gone.end()) gone.push_back(id);
  world.lose(station->space(), gone);
  SecondDevice second(world, station, false);
  second.clock.wall_s = world.clock.wall_s;
  auto link = world.connect(*second);
  ASSERT_TRUE(link);
  const auto missing = world.run((*link)->fetch_trees(*second, world.pool, world.progress));
  ASSERT_TRUE(missing) << missing.error().message();
  EXPECT_EQ(*missing, 0U);
  EXPECT_EQ(listed(*second), ids({0, 3}));
  EXPECT_EQ((*second->latest())->commit.id, commits[3].id);
  Progress progress;
  ASSERT_TRUE(collect(*second, second.random, progress)) << "rows that never had bytes are in use as well";
  EXPECT_EQ(closure_of(second->objects(), commits[3]), closure_of(station->objects(), commits[3]));
}

// Goal: what a peer calls gone, and so is not looked for, must have gone rightly: else a recovery fails and says so.
TEST_F(ExpiryTest, ARecoveryMissesWhatIsOnlyCalledGone) {
  SecondDevice second(world, station, false);
  second.clock.wall_s = world.clock.wall_s;
  const Bytes forged = [&] {
    Expiry expiry = expiry_of(0);
    return storage::make_expiry(expiry, peer_keys->sign);
  }();
  bool shown = false;
  world.edit_answers = [&](Message& message) {
    auto* expiries = std::get_if<ExpiriesMessage>(&message);
    if (expiries == nullptr) return;
    *expiries = {};
    if (std::exchange(shown, true)) return;
    expiries->newest = 1;
    expiries->expiries = {forged};
  };
  auto link = world.connect(*second);
  ASSERT_TRUE(link);
  const auto fetched = world.run((*link)->fetch_trees(*second, world.pool, world.progress));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::corrupt);
  EXPECT_NE(fetched.error().message().find("did not show its signature"), std::string::npos)
      << fetched.error().message();
}

// Goal: by a clock that is far behind nothing goes, so a recovery can't tell what is whole: it asks for a right clock,
// and goes on then.
TEST_F(ExpiryTest, ARecoveryWithAWrongClockAsksForARightOne) {
  ASSERT_EQ(*space()->expire(world.clock.now()), 2U);
  SecondDevice second(world, station, false);
  second.clock.wall_s = world.clock.wall_s - 2 * kDayS;
  const auto fetch = [&] {
    auto link = world.connect(*second);
    BEFFROI_ASSERT(link.has_value());
    return world.run((*link)->fetch_trees(*second, world.pool, world.progress));
  };
  const auto refused = fetch();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_state) << refused.error().message();
  EXPECT_EQ(*second->refused_expiry_date(), world.clock.now());
  second.clock.wall_s = world.clock.wall_s;
  const auto fetched = fetch();
  ASSERT_TRUE(fetched) << fetched.error().message();
  EXPECT_EQ(*fetched, 0U);
  EXPECT_FALSE(*second->refused_expiry_date());
  EXPECT_EQ(listed(*second), ids({0, 3}));
}

// Goal: a snapshot that counted on what went at the peer, and was evicted here, is no loss of the peer's: it is made
// anew, and that one passes.
TEST_F(ExpiryTest, WhatWentIsStoredAnewByTheNextBackup) {
  const auto files = numbers(10, 22);  // as the second snapshot
  take_snapshot(*station, files);
  std::vector<storage::ObjectId> contents;
  std::set<storage::ObjectId> needed;
  for (const std::size_t kept : {0U, 3U}) needed.merge(closure_of(station->objects(), commits[kept]));
  for (const auto& id : closure_of(station->objects(), commits[1]))
    if (!needed.contains(id)) contents.push_back(id);
  ASSERT_TRUE(station->objects().evict(station->space(), contents));
  ASSERT_EQ(*space()->expire(world.clock.now()), 2U);
  world.lose(station->space(), contents);
  const auto synced = world.sync(*station);
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::wrong_state) << synced.error().message();
  Progress progress;
  ASSERT_TRUE(collect(*station, station.random, progress));
  EXPECT_FALSE(*station->may_evict()) << "marks of what the waiting snapshot shares with those that went may be wrong";
  const auto anew = take_snapshot(*station, files);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  expect_complete(world, *station, anew);
  EXPECT_TRUE(*station->may_evict());
}

// Goal: the same when the peer lets them go in the middle of a session: it is not accused, and all that is nowhere any
// more is put down at once, so that one backup mends it.
TEST_F(ExpiryTest, WhatGoesDuringAPushIsPutDownAtOnce) {
  const auto files = numbers(10, 22);  // as the second snapshot
  take_snapshot(*station, files);
  std::set<storage::ObjectId> needed;
  for (const std::size_t kept : {0U, 3U}) needed.merge(closure_of(station->objects(), commits[kept]));
  needed.merge(closure_of(station->objects(), commits[2]));
  needed.insert(commits[1].clear.root);
  std::vector<storage::ObjectId> contents;
  for (const auto& id : closure_of(station->objects(), commits[1]))
    if (!needed.contains(id)) contents.push_back(id);
  ASSERT_GE(contents.size(), 6U);
  ASSERT_TRUE(station->objects().evict(station->space(), contents));
  auto link = world.connect(*station);
  ASSERT_TRUE(link);
  ASSERT_TRUE(world.run((*link)->exchange_state(*station, world.pool)));
  ASSERT_EQ(*space()->expire(world.clock.now()), 2U);
  std::vector<storage::ObjectId> going{commits[1].clear.root};
  going.insert(going.end(), contents.begin(), contents.end());
  const auto at_peer = storage::make_object_store(world.host->database());
  ASSERT_TRUE(at_peer->remove(station->space(), going));
  const auto pushed = world.run((*link)->push(*station, world.pool, world.progress));
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::wrong_state) << pushed.error().message();
  EXPECT_EQ(listed(*station).size(), 3U) << "what went, and the one that waits";
  for (const auto& id : contents) EXPECT_TRUE((*station->objects().info(station->space(), id))->quarantined);
  const auto anew = take_snapshot(*station, files);
  const auto again = world.sync(*station);
  ASSERT_TRUE(again) << again.error().message();
  expect_complete(world, *station, anew);
}

// Goal: a collection between hearing of it and the push does not make the peer one that lost something.
TEST_F(ExpiryTest, ACollectionBeforeThePushAccusesNobody) {
  const auto files = numbers(10, 22);
  take_snapshot(*station, files);
  std::vector<storage::ObjectId> gone;
  std::set<storage::ObjectId> needed;
  for (const std::size_t kept : {0U, 3U}) needed.merge(closure_of(station->objects(), commits[kept]));
  for (const auto& id : closure_of(station->objects(), commits[1]))
    if (!needed.contains(id)) gone.push_back(id);
  ASSERT_TRUE(station->objects().evict(station->space(), gone));
  ASSERT_EQ(*space()->expire(world.clock.now()), 2U);
  world.lose(station->space(), gone);
  {
    auto link = world.connect(*station);
    ASSERT_TRUE(link);
    ASSERT_TRUE(world.run((*link)->exchange_state(*station, world.pool)));
  }
  Progress progress;
  ASSERT_TRUE(collect(*station, station.random, progress));
  ASSERT_FALSE(station->collection_due());
  const auto synced = world.sync(*station);
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::wrong_state) << synced.error().message();
}

// Goal: a station that forgot snapshots before it had a peer sends what it backs up from then on; the rest stays here.
TEST(ForgottenTest, AStationThatForgotCanJoin) {
  PeerWorld world;
  TestVault station;
  std::vector<CommitId> taken;
  for (std::uint64_t i = 0; i < 3; ++i) taken.push_back(take_snapshot(*station, numbers(i, i + 5)).id);
  ASSERT_TRUE(station->forget({taken.data() + 1, 1}));
  world.join(*station);
  const auto synced = world.sync(*station);
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::wrong_state);
  EXPECT_EQ(station->snapshots()->size(), 2U);
  station.reopen();
  EXPECT_EQ(station->snapshots()->size(), 2U);
  const auto next = take_snapshot(*station, numbers(3, 8));
  EXPECT_EQ(next.clear.sequence, 1U);
  const auto pushed = world.sync(*station);
  ASSERT_TRUE(pushed) << pushed.error().message();
  expect_complete(world, *station, next);
  EXPECT_EQ(station->snapshots()->size(), 3U);
}

}  // namespace
}  // namespace beffroi::daemon::testing
