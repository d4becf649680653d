// A peer that hides, repeats, invents or tells two stories is named, each time anew, and keeps nobody busy for ever.
#include <gtest/gtest.h>

#include "daemon/vault/device_key_file.h"
#include "storage/store/keys.h"
#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {
namespace {

// A snapshot that the vault's device signs and only the peer has: what `change` makes of an honest one.
struct Planted {
  storage::Commit commit;
  Bytes encoded;
};
Planted plant(PeerWorld& world, Vault& vault, const std::function<void(storage::CommitClear&)>& change,
              std::optional<std::uint64_t> shown_as = {}) {
  storage::CommitClear clear = take_snapshot(vault, numbers(3)).clear;
  BEFFROI_ASSERT(vault.set_aside_pending().has_value());
  change(clear);
  Planted out;
  out.encoded = storage::make_commit(clear, {}, *vault.keys()->epoch(clear.epoch), vault.device_keys().sign);
  out.commit = *storage::decode_commit(out.encoded);
  storage::SpaceStore store(world.host->database(), vault.space());
  storage::WriteBatch batch;
  store.put_commit(batch, out.commit, out.encoded);
  if (shown_as) {
    store.unlink_commit(batch, out.commit);
    batch.put(storage::Table::branches, storage::join_key({vault.space(), clear.device, storage::be64(*shown_as)}),
              out.commit.id);
  }
  BEFFROI_ASSERT(store.write(batch, storage::Durability::synced).has_value());
  return out;
}

class HostilePeerTest : public ::testing::Test {
 protected:
  HostilePeerTest() {
    world.join(*first);
    take_snapshot(*first, numbers(3));
    BEFFROI_ASSERT(world.sync(*first).has_value());
  }
  void admit_second(bool keep_first = true) {
    second = std::make_unique<SecondDevice>(world, first, keep_first);
    if (keep_first) BEFFROI_ASSERT(world.sync(*first).has_value());
  }
  void expect_named(const Result<PushResult>& synced, const std::string& words) {
    ASSERT_FALSE(synced);
    EXPECT_EQ(synced.error().code, ErrorCode::corrupt) << synced.error().message();
    EXPECT_NE(synced.error().message().find(words), std::string::npos) << synced.error().message();
  }

  PeerWorld world;
  TestVault first;
  std::unique_ptr<SecondDevice> second;
};

// Goal: a fork is found out by what another device's snapshot names, even when the line is cut right after the snapshot
// was taken, and it is not forgotten by the next session.
TEST_F(HostilePeerTest, AForkIsNamedHoweverOftenTheLineIsCut) {
  admit_second();
  plant(world, *first, [](storage::CommitClear& clear) { clear.last_receipt = storage::ReceiptId{{7}}; });
  for (std::uint64_t frames = 0; frames < 20; ++frames)
    ASSERT_FALSE(world.sync(**second, {.seed = frames, .cut_after_frames = frames})) << frames;
  for (int i = 0; i < 3; ++i) expect_named(world.sync(**second), "two different histories");
}

// Goal: a snapshot that is shown in another's place hides those before it: nothing of it is taken.
TEST_F(HostilePeerTest, ASnapshotInTheWrongPlaceIsNamed) {
  admit_second();
  const auto planted = plant(world, *first, [](storage::CommitClear& clear) { clear.sequence = 3; }, 2);
  expect_named(world.sync(**second), "where it does not belong");
  EXPECT_FALSE((*second)->store().commit(planted.commit.id)->has_value());
}

// Goal: a peer that shows one snapshot again and again as a branch without end keeps nobody busy.
TEST_F(HostilePeerTest, ARepeatedSnapshotEndsTheExchange) {
  admit_second();
  const Bytes known = *world.caller(*first).space->branch_commits(first->device_id(), 1)->begin();
  world.edit_answers = [&](Message& message) {
    if (auto* heads = std::get_if<HeadsMessage>(&message))
      for (auto& head : heads->heads) head.sequence = 1'000'000'000;
    if (auto* commits = std::get_if<CommitsMessage>(&message)) commits->commits = {known};
  };
  expect_named(world.sync(**second), "where it does not belong");
}

// Goal: the same with receipts.
TEST_F(HostilePeerTest, ARepeatedReceiptEndsTheExchange) {
  admit_second();
  const Bytes known = world.caller(*first).space->receipts_from(1)->front();
  world.edit_answers = [&](Message& message) {
    if (auto* receipts = std::get_if<ReceiptsMessage>(&message)) *receipts = {1'000'000'000, {known}};
  };
  expect_named(world.sync(**second), "in the place of number 2");
}

// Goal: a receipt that is validly signed but stands in no chain acknowledges nothing.
TEST_F(HostilePeerTest, AReceiptOutsideTheChainIsNoReceipt) {
  const auto keys = read_device_keys(world.folder.path() + "/peer/keys");
  ASSERT_TRUE(keys && *keys);
  take_snapshot(*first, numbers(4));
  world.edit_answers = [&](Message& message) {
    auto* answer = std::get_if<ReceiptMessage>(&message);
    if (answer == nullptr) return;
    auto receipt = *storage::decode_receipt(answer->receipt, (*keys)->sign.public_key);
    receipt.counter += 5;
    answer->receipt = storage::make_receipt(receipt, (*keys)->sign);
  };
  expect_named(world.sync(*first), "not in the chain");
}

// Goal: a log that is claimed to be longer, and is not shown, is a hidden one.
TEST_F(HostilePeerTest, AClaimedLengthDoesNotExcuseAHiddenLog) {
  admit_second();
  const auto rotation = storage::rotate_epoch(first->log(), first->device_keys(), first.clock.now(), first.random);
  ASSERT_TRUE(rotation);
  ASSERT_TRUE(first->append_records({&*rotation, 1}));
  plant(world, *first, [](storage::CommitClear&) {});
  int logs = 0;
  world.edit_answers = [&](Message& message) {
    if (auto* log = std::get_if<LogMessage>(&message); log != nullptr && ++logs > 1) ++log->length;
  };
  expect_named(world.sync(**second), "which it hides");
}

// Goal: a peer that shows a branch while the root signs, and less of it afterwards, does not get away with it.
TEST_F(HostilePeerTest, ABranchThatIsHiddenAfterTheRecoveryIsNamed) {
  admit_second(false);
  world.edit_answers = [](Message& message) {
    if (auto* heads = std::get_if<HeadsMessage>(&message)) heads->heads.clear();
  };
  for (int i = 0; i < 2; ++i) {
    auto link = world.connect(**second);
    ASSERT_TRUE(link);
    const auto fetched = world.run((*link)->fetch_trees(**second, world.pool, world.progress));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, ErrorCode::corrupt);
    EXPECT_NE(fetched.error().message().find("back"), std::string::npos) << fetched.error().message();
  }
  world.edit_answers = {};
  auto link = world.connect(**second);
  ASSERT_TRUE(link);
  EXPECT_TRUE(world.run((*link)->fetch_trees(**second, world.pool, world.progress)));
}

// Goal: what was seen of another device's branch must be shown again: no less of it, and nothing else in its place.
TEST_F(HostilePeerTest, AnotherDevicesBranchIsNotShortened) {
  admit_second();
  ASSERT_TRUE(world.sync(**second));
  const auto in_heads_of_first = [&](std::function<void(HeadsMessage&)> lie) {
    world.edit_answers = [lie = std::move(lie)](Message& message) {
      if (auto* heads = std::get_if<HeadsMessage>(&message)) lie(*heads);
    };
    for (int i = 0; i < 2; ++i) expect_named(world.sync(**second), "older state");
    EXPECT_EQ((*second)->store().branch_head(first->device_id())->value().sequence, 1U);
  };
  in_heads_of_first([](HeadsMessage& heads) { heads.heads.clear(); });
  in_heads_of_first([](HeadsMessage& heads) { heads.heads.front().commit = storage::CommitId{{7}}; });
  world.edit_answers = {};
  EXPECT_TRUE(world.sync(**second)) << "an honest peer is believed again";
}

// Goal: a log without end is given up at the bound and not at the end of memory; empty records count too.
TEST_F(HostilePeerTest, ALogWithoutEndIsGivenUp) {
  const Bytes head = first->log().encoded().back();
  world.edit_answers = [&](Message& message) {
    auto* log = std::get_if<LogMessage>(&message);
    if (log == nullptr) return;
    const bool begins = !log->records.empty();
    log->length = 1'000'000'000'000;
    log->records.assign(4096, {});
    if (begins) log->records.front() = head;
  };
  const auto synced = world.sync(*first);
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::limit_exceeded) << synced.error().message();
  auto link = world.connect(*first);
  ASSERT_TRUE(link);
  const auto fetched = world.run((*link)->fetch_log(0));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace beffroi::daemon::testing
