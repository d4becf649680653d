// Goal: log, commits, branches and receipts of a space come back as they were written, in order, and spaces stay apart.
#include "storage/store/space_store.h"

#include <gmock/gmock.h>

#include "tests/support/memory_database.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

using ::testing::ElementsAre;

class SpaceStoreTest : public ::testing::Test {
 protected:
  // The store looks at the ids and the place in the branch only.
  CommitId commit(const DeviceId& device, std::uint64_t sequence) {
    Commit out{.id = random.fixed<CommitId>(), .clear = {}, .clear_bytes = {}, .sealed_bytes = {}, .signature = {}};
    out.clear.device = device;
    out.clear.sequence = sequence;
    WriteBatch batch;
    store.put_commit(batch, out, out.id);
    EXPECT_TRUE(store.write(batch, Durability::synced));
    return out.id;
  }
  void receipt(std::uint64_t counter, const CommitId& of) {
    Receipt out{};
    out.counter = counter;
    out.commit = of;
    WriteBatch batch;
    store.put_receipt(batch, out, as_bytes("receipt " + std::to_string(counter)));
    EXPECT_TRUE(store.write(batch, Durability::synced));
  }
  static Bytes bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
  // Writes the whole log of a builder.
  static void save(SpaceStore& to, const SpaceLog& log) {
    for (std::uint64_t i = 0; i < log.encoded().size(); ++i) ASSERT_TRUE(to.append_record(i, log.encoded()[i]));
  }

  crypto::SeededRandom random{6};
  testing::MemoryDatabase database;
  testing::SpaceBuilder space;
  SpaceStore store{*database, space.log.space()};
};

TEST_F(SpaceStoreTest, LoadsTheLogThatWasAppended) {
  EXPECT_EQ(store.load_log().error().code, ErrorCode::not_found);
  space.admit(Role::writer);
  space.open_epoch();
  save(store, space.log);
  const auto loaded = store.load_log();
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->encoded(), space.log.encoded());
  EXPECT_EQ(loaded->epoch(), Epoch{1});
}

TEST_F(SpaceStoreTest, ALogThatIsDamagedOrOfAnotherSpaceDoesNotLoad) {
  save(store, space.log);
  Bytes other_key = to_bytes(space.log.space());
  SpaceStore other(*database, random.fixed<SpaceId>());
  save(other, space.log);
  EXPECT_FALSE(other.load_log());
  Bytes damaged = space.log.encoded().front();
  damaged[damaged.size() / 2] ^= 1;
  Bytes first_record = to_bytes(space.log.space());
  first_record.resize(first_record.size() + 8);
  ASSERT_TRUE(database->put(Table::records, first_record, damaged, Durability::buffered));
  EXPECT_FALSE(store.load_log());
}

TEST_F(SpaceStoreTest, ARecordIsNeverReplaced) {
  ASSERT_TRUE(store.append_record(3, as_bytes("record")));
  EXPECT_TRUE(store.append_record(3, as_bytes("record")));
  EXPECT_EQ(store.append_record(3, as_bytes("another")).error().code, ErrorCode::conflict);
}

TEST_F(SpaceStoreTest, RecordsComeInPiecesOfBoundedSize) {
  for (std::uint64_t i = 0; i < 300; ++i) ASSERT_TRUE(store.append_record(i, as_bytes("record " + std::to_string(i))));
  const auto piece = store.records_from(254, 31).value();
  EXPECT_THAT(piece, ElementsAre(bytes("record 254"), bytes("record 255"), bytes("record 256")));
  EXPECT_THAT(store.records_from(299, 1).value(), ElementsAre(bytes("record 299")));
  EXPECT_TRUE(store.records_from(300, 1000)->empty());
}

TEST_F(SpaceStoreTest, FindsCommitsByIdAndByPlace) {
  const auto device = random.fixed<DeviceId>();
  const CommitId first = commit(device, 1);
  const CommitId second = commit(device, 2);
  EXPECT_EQ(store.commit(first).value(), to_bytes(first));
  EXPECT_EQ(store.branch_commit(device, 2).value(), second);
  EXPECT_EQ(store.branch_commit(device, 3).value(), std::nullopt);
  EXPECT_EQ(store.commit(random.fixed<CommitId>()).value(), std::nullopt);
}

TEST_F(SpaceStoreTest, HeadsAreTheLastOfEachBranch) {
  EXPECT_TRUE(store.heads()->empty());
  DeviceId low{}, middle{}, high{};
  middle.data.fill(7);
  high.data.fill(0xFF);
  commit(middle, 1);
  const CommitId of_high = commit(high, 4);
  for (std::uint64_t i = 1; i <= 300; ++i) commit(low, i);
  const CommitId of_low = commit(low, 301);
  const CommitId of_middle = commit(middle, 256);
  const auto heads = store.heads().value();
  ASSERT_EQ(heads.size(), 3U);
  EXPECT_EQ(heads[0].device, low);
  EXPECT_EQ(heads[0].sequence, 301U);
  EXPECT_EQ(heads[0].commit, of_low);
  EXPECT_EQ(heads[1].commit, of_middle);
  EXPECT_EQ(heads[2].commit, of_high);
  EXPECT_EQ(store.branch_head(middle).value()->sequence, 256U);
  EXPECT_FALSE(store.branch_head(random.fixed<DeviceId>()).value());
}

TEST_F(SpaceStoreTest, VisitsCommitsInTheOrderOfTheirBranches) {
  DeviceId one{}, two{};
  two.data.fill(1);
  const CommitId c = commit(two, 1);
  const CommitId b = commit(one, 300);
  const CommitId a = commit(one, 2);
  std::vector<CommitId> visited;
  const auto visit = [&](const CommitId& id, const Bytes& encoded) {
    EXPECT_EQ(encoded, to_bytes(id));
    visited.push_back(id);
    return visited.size() < 3;
  };
  ASSERT_TRUE(store.for_each_commit(visit));
  EXPECT_THAT(visited, ElementsAre(a, b, c));
}

TEST_F(SpaceStoreTest, ABranchWithoutItsCommitIsCorrupt) {
  const auto device = random.fixed<DeviceId>();
  const CommitId id = commit(device, 1);
  WriteBatch batch;
  Bytes key = to_bytes(store.space());
  key.insert(key.end(), id.data.begin(), id.data.end());
  batch.remove(Table::commits, key);
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  const auto outcome = store.for_each_commit([](const CommitId&, const Bytes&) { return true; });
  EXPECT_EQ(outcome.error().code, ErrorCode::corrupt);
}

TEST_F(SpaceStoreTest, ReceiptsAreFoundByCounterByCommitAndAsTheNewest) {
  EXPECT_FALSE(store.newest_receipt().value());
  const auto with = random.fixed<CommitId>();
  receipt(1, random.fixed<CommitId>());
  receipt(300, with);
  receipt(2, random.fixed<CommitId>());
  EXPECT_EQ(store.receipt(2).value(), bytes("receipt 2"));
  EXPECT_FALSE(store.receipt(3).value());
  EXPECT_EQ(store.newest_receipt().value()->first, 300U);
  EXPECT_EQ(store.newest_receipt().value()->second, bytes("receipt 300"));
  EXPECT_EQ(store.receipt_of(with).value(), bytes("receipt 300"));
  EXPECT_FALSE(store.receipt_of(random.fixed<CommitId>()).value());
}

TEST_F(SpaceStoreTest, ListsAndErasesSpacesOneByOne) {
  EXPECT_TRUE(SpaceStore::list(*database)->empty());
  testing::SpaceBuilder other(SpaceKind::share, 2);
  SpaceStore other_store(*database, other.log.space());
  save(store, space.log);
  save(other_store, other.log);
  commit(random.fixed<DeviceId>(), 1);
  receipt(1, random.fixed<CommitId>());
  EXPECT_THAT(SpaceStore::list(*database).value(),
              ::testing::UnorderedElementsAre(space.log.space(), other.log.space()));
  ASSERT_TRUE(store.erase());
  EXPECT_THAT(SpaceStore::list(*database).value(), ElementsAre(other.log.space()));
  EXPECT_TRUE(store.heads()->empty());
  EXPECT_FALSE(store.newest_receipt().value());
  EXPECT_EQ(store.load_log().error().code, ErrorCode::not_found);
  EXPECT_TRUE(other_store.load_log());
}

}  // namespace
}  // namespace beffroi::storage
