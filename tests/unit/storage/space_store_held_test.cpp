// Goal: expiries come back as they were written, and what is held is what has a receipt and did not expire.
#include <gmock/gmock.h>

#include "storage/store/space_store.h"
#include "tests/support/memory_database.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SpaceStoreHeldTest : public ::testing::Test {
 protected:
  void SetUp() override {
    station = space.admit(Role::writer);
    other = space.admit(Role::writer);
    space.open_epoch();
  }
  void write(WriteBatch& batch) { ASSERT_TRUE(store.write(batch, Durability::synced)); }
  Commit commit(const crypto::DeviceKeys& device, std::uint64_t sequence) {
    CommitClear clear = testing::commit_on(space.log, device, sequence);
    clear.root = random.fixed<ObjectId>();
    const Bytes encoded = testing::encoded_commit(clear, device);
    Commit out = *decode_commit(encoded);
    WriteBatch batch;
    store.put_commit(batch, out, encoded);
    write(batch);
    return out;
  }
  /// The next receipt.
  void receipt(const Commit& of, std::int64_t time) {
    Receipt out;
    out.space = store.space();
    out.counter = ++receipts;
    if (out.counter > 1) out.previous.emplace();
    out.commit = of.id;
    out.log_head = RecordId{{static_cast<std::uint8_t>(out.counter)}};
    out.peer_time = {time};
    WriteBatch batch;
    const Bytes encoded = make_receipt(out, space.root.sign);
    store.put_receipt(batch, out, encoded);
    write(batch);
  }
  void expire(std::uint64_t counter, std::vector<CommitId> gone) {
    Expiry out;
    out.counter = counter;
    for (const CommitId& id : gone) out.gone.push_back({.commit = id, .deletion = {}});
    WriteBatch batch;
    store.put_expiry(batch, out, as_bytes("expiry " + std::to_string(counter)));
    write(batch);
  }
  static ReceiptedCommit held(const Commit& commit, std::int64_t time, std::uint8_t log_head) {
    return {
        .commit = commit.id, .sequence = commit.clear.sequence, .receipted = {time}, .log_head = RecordId{{log_head}}};
  }
  std::vector<ReceiptedCommit> held_by(const crypto::DeviceKeys& device) const {
    return store.held_commits(device.public_part().id()).value();
  }
  std::vector<std::pair<CommitId, ObjectId>> roots() const {
    std::vector<std::pair<CommitId, ObjectId>> out;
    const auto visited = store.for_each_held_root([&](const CommitId& id, const ObjectId& root) {
      out.emplace_back(id, root);
      return true;
    });
    EXPECT_TRUE(visited);
    return out;
  }
  static std::pair<CommitId, ObjectId> root_of(const Commit& commit) { return {commit.id, commit.clear.root}; }

  crypto::SeededRandom random{6};
  testing::MemoryDatabase database;
  testing::SpaceBuilder space;
  crypto::DeviceKeys station, other;
  SpaceStore store{*database, space.log.space()};
  std::uint64_t receipts = 0;
};

TEST_F(SpaceStoreHeldTest, ExpiriesAreFoundByCounterByCommitAndAsTheNewest) {
  EXPECT_FALSE(store.newest_expiry().value());
  const CommitId low{{1}}, high{{2}}, never{{3}};
  expire(1, {high});
  expire(256, {low});
  EXPECT_EQ(to_bytes(as_bytes("expiry 1")), store.expiry(1).value());
  EXPECT_FALSE(store.expiry(2).value());
  EXPECT_EQ(256U, store.newest_expiry().value()->first);
  EXPECT_EQ(to_bytes(as_bytes("expiry 256")), store.newest_expiry().value()->second);
  EXPECT_EQ(1U, store.expired(high).value());
  EXPECT_EQ(256U, store.expired(low).value());
  EXPECT_EQ(std::nullopt, store.expired(never).value());
}

TEST_F(SpaceStoreHeldTest, ExpiredCommitsAreVisitedInTheOrderOfTheirIds) {
  const CommitId low{{1}}, middle{{2}}, high{{3}};
  expire(1, {low, high});
  expire(2, {middle});
  std::vector<std::pair<CommitId, std::uint64_t>> visited;
  const auto visit = [&](const CommitId& id, std::uint64_t counter) {
    visited.emplace_back(id, counter);
    return visited.size() < 2;
  };
  ASSERT_TRUE(store.for_each_expired(visit));
  EXPECT_THAT(visited, ElementsAre(std::pair(low, 1U), std::pair(middle, 2U)));
}

TEST_F(SpaceStoreHeldTest, ExpiriesAndReceiptsDoNotMix) {
  const Commit first = commit(station, 1);
  receipt(first, 10);
  expire(7, {first.id});
  EXPECT_EQ(1U, store.newest_receipt().value()->first);
  EXPECT_EQ(7U, store.newest_expiry().value()->first);
  EXPECT_TRUE(store.receipt_of(first.id).value().has_value());
}

TEST_F(SpaceStoreHeldTest, HeldIsWhatHasAReceiptAndDidNotExpire) {
  const Commit first = commit(station, 1), second = commit(station, 2), third = commit(station, 3);
  const Commit waiting = commit(station, 4);
  receipt(first, 100);
  receipt(second, 200);
  receipt(third, 300);
  EXPECT_THAT(held_by(station), ElementsAre(held(first, 100, 1), held(second, 200, 2), held(third, 300, 3)));
  expire(1, {second.id});
  EXPECT_THAT(held_by(station), ElementsAre(held(first, 100, 1), held(third, 300, 3)));
  EXPECT_THAT(held_by(other), IsEmpty());
  // The branch goes on as if nothing had gone.
  EXPECT_EQ(second.id, store.branch_commit(station.public_part().id(), 2).value());
  EXPECT_EQ(waiting.id, store.branch_head(station.public_part().id()).value()->commit);
  EXPECT_TRUE(store.commit(second.id).value().has_value());
}

TEST_F(SpaceStoreHeldTest, TimesNeverFallWhateverBranchTheReceiptIsOf) {
  const Commit first = commit(station, 1), second = commit(station, 2), of_other = commit(other, 1);
  receipt(first, 100);
  receipt(of_other, 500);
  receipt(second, 200);
  EXPECT_THAT(held_by(station), ElementsAre(held(first, 100, 1), held(second, 500, 3)));
  EXPECT_THAT(held_by(other), ElementsAre(held(of_other, 500, 2)));
  // What expired still says how late it was.
  expire(1, {of_other.id});
  EXPECT_THAT(held_by(station), ElementsAre(held(first, 100, 1), held(second, 500, 3)));
}

TEST_F(SpaceStoreHeldTest, BranchesAreListedAtOnce) {
  EXPECT_TRUE(store.held_branches()->empty());
  const Commit tenth = commit(station, 10), second = commit(station, 2), of_other = commit(other, 1);
  for (const Commit* each : {&second, &of_other, &tenth}) receipt(*each, 100);
  const auto branches = store.held_branches().value();
  ASSERT_EQ(2U, branches.size());
  EXPECT_EQ(held_by(station), branches.at(station.public_part().id()));
  EXPECT_THAT(branches.at(station.public_part().id()), ElementsAre(held(second, 100, 1), held(tenth, 100, 3)));
  EXPECT_EQ(held_by(other), branches.at(other.public_part().id()));
  expire(1, {of_other.id});
  EXPECT_EQ(1U, store.held_branches()->size());
}

TEST_F(SpaceStoreHeldTest, ADamagedReceiptIsNotPassedOver) {
  receipt(commit(station, 1), 100);
  WriteBatch batch;
  Receipt damaged;
  damaged.counter = 1;
  store.put_receipt(batch, damaged, as_bytes("no receipt"));
  write(batch);
  EXPECT_EQ(ErrorCode::corrupt, store.held_branches().error().code);
  EXPECT_EQ(ErrorCode::corrupt, store.held_commits(station.public_part().id()).error().code);
}

TEST_F(SpaceStoreHeldTest, RootsAreThoseOfAllCommitsThatDidNotExpire) {
  const Commit first = commit(station, 1), second = commit(station, 2), of_other = commit(other, 1);
  receipt(second, 100);
  EXPECT_THAT(roots(), UnorderedElementsAre(root_of(first), root_of(second), root_of(of_other)));
  EXPECT_TRUE(std::ranges::is_sorted(roots()));
  WriteBatch batch;
  store.unlink_commit(batch, of_other);
  write(batch);
  expire(1, {first.id});
  EXPECT_THAT(roots(), UnorderedElementsAre(root_of(second), root_of(of_other)));
  std::size_t visits = 0;
  ASSERT_TRUE(store.for_each_held_root([&](const CommitId&, const ObjectId&) { return ++visits < 1; }));
  EXPECT_EQ(1U, visits);
}

// Else a sweep would take what only that commit keeps.
TEST_F(SpaceStoreHeldTest, ADamagedCommitIsNotPassedOver) {
  const Commit first = commit(station, 1), second = commit(station, 2);
  WriteBatch batch;
  store.put_commit(batch, first, *store.commit(second.id).value());
  write(batch);
  const auto visit = [](const CommitId&, const ObjectId&) { return true; };
  EXPECT_EQ(ErrorCode::corrupt, store.for_each_held_root(visit).error().code);
  expire(1, {first.id});
  EXPECT_TRUE(store.for_each_held_root(visit));
}

TEST_F(SpaceStoreHeldTest, AnotherSpaceHasItsOwnAndErasingTakesAll) {
  SpaceStore elsewhere(*database, random.fixed<SpaceId>());
  const Commit first = commit(station, 1);
  receipt(first, 100);
  expire(1, {first.id});
  EXPECT_EQ(std::nullopt, elsewhere.expired(first.id).value());
  EXPECT_FALSE(elsewhere.newest_expiry().value());
  EXPECT_TRUE(elsewhere.held_branches()->empty());
  ASSERT_TRUE(store.erase());
  EXPECT_EQ(std::nullopt, store.expired(first.id).value());
  EXPECT_FALSE(store.newest_expiry().value());
}

}  // namespace
}  // namespace beffroi::storage
