// A peer that was restored from an old image: accused as long as it says nothing; with its declaration the stations
// keep the evidence, send again what is missing, and go on.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

namespace fs = std::filesystem;
using storage::CommitId;
using storage::UnixTime;

constexpr std::int64_t kDayS = 24LL * 3600;

class LossTest : public ::testing::Test {
 protected:
  LossTest() { world.join(*station); }

  void pass(std::int64_t seconds) {
    world.clock.pass(seconds);
    station.clock.pass(seconds);
  }
  /// One of `files` files, a minute after the last, pushed.
  storage::Commit back_up(Vault& vault, std::uint64_t files) {
    pass(60);
    auto commit = take_snapshot(vault, numbers(files));
    const auto synced = world.sync(vault);
    EXPECT_TRUE(synced) << synced.error().message();
    return commit;
  }
  void copy_peer(const std::string& from, const std::string& to) {
    world.close_peer();
    fs::remove_all(world.folder.path() + to);
    fs::copy(world.folder.path() + from, world.folder.path() + to, fs::copy_options::recursive);
    world.reopen_peer();
  }
  void take_image() {
    copy_peer("/peer", "/image");
    pass(60);
    imaged = world.clock.now();
    pass(60);
  }
  void restore_image() {
    pass(60);
    copy_peer("/image", "/peer");
  }
  void declare(UnixTime since) {
    pass(60);
    const auto declared = world.host->declare_loss({.since = since, .reason = "The disk broke.", .organisation = {}});
    ASSERT_TRUE(declared) << declared.error().message();
  }
  void expect_accused(Vault& vault, const std::string& words) {
    const auto newest = vault.newest_receipt();
    for (int i = 0; i < 2; ++i) {
      const auto synced = world.sync(vault);
      ASSERT_FALSE(synced) << words;
      EXPECT_EQ(synced.error().code, ErrorCode::corrupt) << synced.error().message();
      EXPECT_NE(synced.error().message().find(words), std::string::npos) << synced.error().message();
      EXPECT_EQ(vault.newest_receipt()->id, newest->id) << "nothing changed";
    }
  }
  void expect_synced(Vault& vault) {
    const auto synced = world.sync(vault);
    ASSERT_TRUE(synced) << synced.error().message();
  }
  /// The peer gets a snapshot of the station's branch, and gives a receipt that the station does not hear of.
  void receipt_directly(std::uint64_t sequence) {
    const DeviceId me = station->device_id();
    const auto space = world.caller(*station).space;
    const auto lease = space->open_lease(me);
    const auto encoded = station->store().commit(**station->store().branch_commit(me, sequence));
    std::map<std::uint8_t, std::vector<Bytes>> by_height;
    for (const auto& id : closure_of(station->objects(), *storage::decode_commit(**encoded)))
      by_height[(*station->objects().info(station->space(), id))->height].push_back(
          *station->objects().get(station->space(), id));
    for (const auto& [height, objects] : by_height) ASSERT_TRUE(space->put(lease->id, objects));
    ASSERT_TRUE(space->accept_commit(lease->id, me, **encoded, {}));
  }
  /// Every snapshot has its receipt, stands in a branch, and is at the peer with all its objects.
  void expect_healed(Vault& vault, std::size_t snapshots) {
    EXPECT_TRUE(vault.unreceipted()->empty());
    const auto all = vault.snapshots();
    ASSERT_EQ(all->size(), snapshots);
    for (const Snapshot& snapshot : *all) {
      EXPECT_TRUE(snapshot.receipt_counter) << snapshot.commit.clear.sequence;
      EXPECT_FALSE(snapshot.aside) << snapshot.commit.clear.sequence;
      expect_complete(world, vault, snapshot.commit);
    }
    EXPECT_EQ(vault.newest_receipt()->counter, *world.caller(vault).space->newest_receipt());
  }

  PeerWorld world;
  TestVault station;
  UnixTime imaged;  ///< all that the image has is older, all else is newer
};

// Goal: without a declaration it is a rollback; with it everything is there again, and the old receipts are kept.
TEST_F(LossTest, WhatIsMissingIsSentAgain) {
  back_up(*station, 3);
  take_image();
  back_up(*station, 4);
  back_up(*station, 5);
  const Bytes second = **station->store().receipt(2);
  restore_image();
  expect_accused(*station, "older state");
  declare(imaged);
  expect_synced(*station);
  expect_healed(*station, 3);
  EXPECT_EQ(station->newest_receipt()->counter, 3U);
  const auto losses = station->peer_losses();
  ASSERT_EQ(losses->size(), 1U);
  EXPECT_EQ(losses->front().loss.since, imaged);
  EXPECT_EQ(losses->front().loss.reason, "The disk broke.");
  EXPECT_EQ(losses->front().receipts, 2U);
  EXPECT_EQ(station->store().lost_receipts(1)->front(), second);
  const auto again = storage::parse_receipt(**station->store().receipt(2));
  EXPECT_EQ(again->previous, storage::ReceiptId{losses->front().loss.id.data}) << "can be told from the lost one";
  const auto old = station->accept_receipt(second);
  ASSERT_FALSE(old) << "a lost receipt does not come back";
  EXPECT_EQ(old.error().code, ErrorCode::corrupt);
  station.reopen();
  expect_healed(*station, 3);
  back_up(*station, 6);
  expect_healed(*station, 4);
  EXPECT_EQ(station->peer_losses()->size(), 1U) << "told once";
  restore_image();
  expect_accused(*station, "no longer shows that it lost data");
}

// Goal: a peer that lost even its first receipt goes on from number 1, which then names the declaration.
TEST_F(LossTest, AnImageWithoutAnyReceiptWillDo) {
  take_image();
  back_up(*station, 3);
  back_up(*station, 4);
  restore_image();
  expect_accused(*station, "older state");
  declare(imaged);
  expect_synced(*station);
  expect_healed(*station, 2);
  EXPECT_TRUE(storage::parse_receipt(**station->store().receipt(1))->previous.has_value());
}

// Goal: what was receipted before the time that the operator names is not excused; he can name an earlier one.
TEST_F(LossTest, WhatIsOlderThanSaidIsStillMissed) {
  back_up(*station, 3);
  take_image();
  back_up(*station, 4);
  back_up(*station, 5);
  restore_image();
  declare({station->newest_receipt()->peer_time.seconds - 30});
  expect_accused(*station, "lost more than it declared");
  EXPECT_TRUE(station->peer_losses()->empty());
  declare(imaged);
  expect_synced(*station);
  expect_healed(*station, 3);
  EXPECT_EQ(station->peer_losses()->size(), 2U) << "both are shown";
}

// Goal: nobody's declaration is taken for this vault's peer's: another space's, another peer's, one that was cut out.
TEST_F(LossTest, AnothersDeclarationIsRefused) {
  TestVault other(2);
  world.join(*other);
  back_up(*station, 3);
  declare(world.clock.now());
  declare(world.clock.now());
  const auto of_other = world.caller(*other).space->losses();
  const auto refused = station->accept_losses(*of_other, 0);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("another space"), std::string::npos) << refused.error().message();
  storage::Loss forged;
  forged.space = station->space();
  forged.counter = 1;
  const std::vector<Bytes> by_another{storage::make_loss(forged, other->device_keys().sign)};
  EXPECT_EQ(station->accept_losses(by_another, 0).error().code, ErrorCode::corrupt);
  const auto own = world.caller(*station).space->losses();
  ASSERT_EQ(own->size(), 2U);
  EXPECT_EQ(station->accept_losses(std::span(*own).last(1), 0).error().code, ErrorCode::corrupt)
      << "the first is missing";
  EXPECT_TRUE(station->peer_losses()->empty());
  EXPECT_EQ(station->accept_losses(*own, 0), 2U);
  EXPECT_EQ(station->accept_losses(*own, 2), 0U) << "told already";
}

// Goal: a history that parts from before the time of the loss is a fork, whatever is declared.
TEST_F(LossTest, AForkFromBeforeIsNotExcused) {
  take_image();
  back_up(*station, 3);
  back_up(*station, 4);
  restore_image();
  receipt_directly(1);
  pass(600);
  declare(world.clock.now());
  expect_accused(*station, "another history from before it");
}

/// The same with a second machine of the vault.
class LossOfTwoTest : public LossTest {
 protected:
  LossOfTwoTest() {
    expect_synced(*station);
    expect_synced(*second);
    back_up(*station, 3);
    back_up(*second, 4);
    expect_synced(*station);
  }
  SecondDevice second{world, station, true};
};

// Goal: each sends its own again, and knows the other's; what they name of lost receipts accuses nobody.
TEST_F(LossOfTwoTest, EachSendsItsOwn) {
  take_image();
  back_up(*second, 5);
  back_up(*station, 6);
  back_up(*second, 7);
  expect_synced(*station);
  restore_image();
  expect_accused(*station, "older state");
  expect_accused(*second, "older state");
  declare(imaged);
  expect_synced(*station);
  std::size_t aside = 0;
  for (const Snapshot& snapshot : *station->snapshots())
    if (snapshot.aside) ++aside;
  EXPECT_EQ(aside, 2U) << "the other's stay listed until it has sent them";
  expect_synced(*second);
  expect_synced(*station);
  expect_healed(*station, 5);
  expect_healed(*second, 5);
  back_up(*second, 8);
  back_up(*station, 9);
  expect_synced(*second);
  expect_healed(*station, 7);
  expect_healed(*second, 7);
}

// Goal: a machine that was off hears of two losses at once, and of receipts that were given between them.
TEST_F(LossOfTwoTest, OneThatWasOffLearnsOfBoth) {
  take_image();
  back_up(*second, 5);
  restore_image();
  declare(imaged);
  back_up(*station, 6);
  take_image();
  back_up(*station, 7);
  restore_image();
  declare(imaged);
  expect_synced(*station);
  expect_synced(*second);
  expect_synced(*station);
  expect_healed(*station, 5);
  expect_healed(*second, 5);
  EXPECT_EQ(second->peer_losses()->size(), 2U);
}

// Goal: a station that came before the operator knew got receipts with numbers of lost ones. The declaration covers
// that as well, and a peer that lost its own declaration says so.
TEST_F(LossOfTwoTest, ReceiptsFromBeforeTheDeclarationAreCovered) {
  take_image();
  back_up(*station, 5);
  restore_image();
  back_up(*second, 6);
  expect_accused(*station, "older state");
  declare(imaged);
  expect_synced(*station);
  expect_synced(*second);
  expect_healed(*station, 4);
  expect_healed(*second, 4);
  const UnixTime first_image = imaged;
  restore_image();
  expect_accused(*station, "no longer shows that it lost data");
  declare(first_image);
  expect_synced(*station);
  expect_synced(*second);
  expect_synced(*station);
  expect_healed(*station, 4);
  expect_healed(*second, 4);
  EXPECT_EQ(station->peer_losses()->size(), 2U);
}

// Goal: an expiry that the peer lost is undone and comes again, and nothing goes before a station has been there.
TEST_F(LossTest, WhatExpiredIsListedAgain) {
  for (std::uint64_t i = 0; i < 4; ++i) back_up(*station, 3 + i);
  const auto space = [&] { return world.caller(*station).space; };
  pass(31 * kDayS);
  take_image();
  EXPECT_EQ(*space()->expire(world.clock.now()), 2U);
  expect_synced(*station);
  EXPECT_EQ(station->snapshots()->size(), 2U);
  restore_image();
  expect_accused(*station, "no longer shows that it let snapshots go");
  declare(imaged);
  EXPECT_TRUE(space()->what_may_go(world.clock.now())->empty());
  EXPECT_EQ(*space()->expire(world.clock.now()), 0U) << "the stations may know more of the rules";
  expect_synced(*station);
  EXPECT_EQ(station->snapshots()->size(), 4U);
  EXPECT_EQ(station->peer_losses()->front().expiries, 1U);
  back_up(*station, 9);
  EXPECT_EQ(*space()->expire(world.clock.now()), 2U);
  expect_synced(*station);
  EXPECT_EQ(station->snapshots()->size(), 3U);
  EXPECT_EQ(*station->newest_expiry(), 1U);
}

// Goal: that a deletion was cancelled may be lost too: all of them wait anew.
TEST_F(LossTest, DeletionsWaitAnew) {
  const auto first = back_up(*station, 3);
  back_up(*station, 4);
  const auto deletion = storage::delete_commits(station.root, station->log(), {first.id}, station.clock.now());
  ASSERT_TRUE(world.caller(*station).space->append_record(*deletion));
  pass(20 * kDayS);
  declare(world.clock.now());
  const auto waiting = world.caller(*station).space->deletions();
  ASSERT_EQ(waiting->size(), 1U);
  EXPECT_EQ(waiting->front().received, world.clock.now());
}

// Goal: what a station had left to the peer alone, and the peer lost, can't be sent again; that is not called made
// good.
TEST_F(LossTest, WhatIsNowhereIsCountedAsThat) {
  back_up(*station, 3);
  take_image();
  pass(60);
  take_snapshot(*station, numbers(200, 280));
  expect_synced(*station);
  back_up(*station, 4);
  ASSERT_GT(*station->evict_receipted(1U << 30), 0U);
  restore_image();
  declare(imaged);
  for (int tries = 0; tries < 4; ++tries) {
    static_cast<void>(world.sync(*station));
    pass(60);
    take_snapshot(*station, numbers(5));
  }
  expect_synced(*station);
  EXPECT_TRUE(station->unreceipted()->empty());
  EXPECT_GT(station->peer_losses()->front().unsendable, 0U);
}

// Goal: a station that can be told of no more losses does not keep the others half told: it is said before anybody
// hears.
TEST_F(LossTest, AllAreToldOrNobody) {
  for (std::size_t i = 0; i < storage::kMaxLosses; ++i) declare(world.clock.now());
  TestVault later(2);
  world.join(*later);
  const auto refused = world.host->declare_loss({.since = world.clock.now(), .reason = {}, .organisation = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(world.caller(*later).space->losses()->empty());
}

// Goal: rules that a peer forgot with its disk let nothing go here that newer ones keep.
TEST_F(LossTest, ForgottenRulesLetNothingGo) {
  for (std::uint64_t i = 0; i < 4; ++i) back_up(*station, 3 + i);
  take_image();
  const auto rules = storage::set_retention(station.root, station->log(), {.lock_days = 300}, station.clock.now());
  ASSERT_TRUE(rules) << rules.error().message();
  ASSERT_TRUE(world.caller(*station).space->append_record(*rules));
  expect_synced(*station);
  back_up(*station, 9);
  const UnixTime since = imaged;
  pass(31 * kDayS);
  restore_image();
  EXPECT_EQ(*world.caller(*station).space->expire(world.clock.now()), 2U) << "by the rules that it still has";
  declare(since);
  expect_synced(*station);
  EXPECT_EQ(station->snapshots()->size(), 5U);
}

}  // namespace
}  // namespace beffroi::daemon::testing
