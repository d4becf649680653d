// Goal: after a power cut at any moment everything that was synced is there with the right bytes, nothing is half
// there, and what came after the last sync is there up to some point and in order.
#include <gtest/gtest.h>

#include "tests/support/fault_env.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage {
namespace {

using namespace testing;

// What a reader of the space must find.
struct Expected {
  struct Object {
    std::size_t size = 0;
    bool here = true;
    bool receipted = false;
    bool operator==(const Object&) const = default;
  };
  std::map<ObjectId, Object> objects;
  std::size_t commits = 0;
  bool operator==(const Expected&) const = default;
};

// Random work on a store, and every state that may be found after a power cut now.
class Work {
 public:
  Work(Database& database, FaultFileSystem& disk, std::uint64_t seed)
      : database_(database), disk_(disk), store_(make_object_store(database)), random_(seed), possible_(1) {}

  // One operation. What it syncs counts only if the power was still there when it returned.
  void step() {
    Expected next = possible_.back();
    bool durable = false;
    const auto done = act(next, durable);
    EXPECT_TRUE(done || disk_.power_is_cut());
    if (!(next == possible_.back())) possible_.push_back(next);
    if (durable && !disk_.power_is_cut()) possible_.erase(possible_.begin(), possible_.end() - 1);
  }

  const SpaceId& space() const { return space_; }
  const std::vector<Expected>& possible() const { return possible_; }

 private:
  Result<void> act(Expected& next, bool& durable) {
    const std::uint64_t dice = random_.below(20);
    if (dice < 4) return put(next);
    if (dice < 8) return put_ahead();
    if (dice < 9) return settle(next);
    if (dice < 11) return mark(next);
    if (dice < 13) return evict(next);
    if (dice < 15) return remove(next);
    durable = true;
    return dice < 18 ? store_->sync() : commit(next);
  }

  Result<void> put(Expected& next) {
    std::vector<MadeObject> batch;
    for (std::uint64_t count = 1 + random_.below(5); count > 0; --count)
      batch.push_back(make_object(random_, space_, 50 + random_.below(12'000)));
    for (const MadeObject& object : batch) next.objects[object.id].size = object.bytes.size();
    return put_all(*store_, space_, batch);
  }

  Result<void> put_ahead() {
    std::vector<MadeObject> batch;
    for (std::uint64_t count = 1 + random_.below(5); count > 0; --count)
      batch.push_back(make_object(random_, space_, 50 + random_.below(12'000)));
    for (const MadeObject& object : batch) ahead_[object.id].size = object.bytes.size();
    return put_all_ahead(*store_, space_, batch);
  }

  Result<void> settle(Expected& next) {
    next.objects.merge(ahead_);
    ahead_.clear();
    return store_->settle(space_);
  }

  Result<void> mark(Expected& next) {
    std::vector<ObjectId> ids;
    for (auto& [id, object] : next.objects)
      if (random_.below(2) == 0) {
        ids.push_back(id);
        object.receipted = true;
      }
    return store_->mark_receipted(space_, ids);
  }

  Result<void> evict(Expected& next) {
    std::vector<ObjectId> ids;
    for (auto& [id, object] : next.objects)
      if (object.receipted && random_.below(4) == 0) {
        ids.push_back(id);
        object.here = false;
      }
    return store_->evict(space_, ids);
  }

  Result<void> remove(Expected& next) {
    std::vector<ObjectId> ids;
    for (const auto& [id, object] : next.objects)
      if (random_.below(5) == 0) ids.push_back(id);
    for (const ObjectId& id : ids) next.objects.erase(id);
    return store_->remove(space_, ids);
  }

  Result<void> commit(Expected& next) {
    const auto id = random_.fixed<CommitId>();
    WriteBatch batch;
    batch.put(Table::commits, id, bytes_for(ObjectId::from(id).value(), 700));
    batch.put(Table::branches, id, id);
    ++next.commits;
    return database_.write(batch, Durability::synced);
  }

  Database& database_;
  FaultFileSystem& disk_;
  std::unique_ptr<ObjectStore> store_;
  crypto::SeededRandom random_;
  SpaceId space_ = random_.fixed<SpaceId>();
  std::map<ObjectId, Expected::Object> ahead_;
  std::vector<Expected> possible_;  ///< since the last sync, oldest first
};

Expected find_state(Database& database, const SpaceId& space) {
  const auto store = make_object_store(database);
  const StoreImage image = read_image(*store, space);
  Expected out;
  for (const auto& [id, object] : image.objects) {
    out.objects[id] = {
        .size = object.info.sealed_bytes, .here = object.info.bytes_present, .receipted = object.info.receipted};
    if (object.bytes) {
      EXPECT_EQ(*object.bytes, bytes_for(id, object.info.sealed_bytes)) << id.hex();
    }
  }
  std::size_t branches = 0;
  EXPECT_TRUE(database.scan(Table::commits, {}, [&](ByteView key, ByteView value) {
    EXPECT_EQ(to_bytes(value), bytes_for(ObjectId::from(key).value(), 700));
    ++out.commits;
    return true;
  }));
  EXPECT_TRUE(database.scan(Table::branches, {}, [&](ByteView, ByteView) { return ++branches > 0; }));
  EXPECT_EQ(branches, out.commits);
  return out;
}

// Small memtables, so that the cut also meets flushes and compactions.
DatabaseOptions small_memory(rocksdb::Env* env) {
  return {.cache_bytes = 256 * 1024, .memtable_bytes = 256 * 1024, .background_threads = 2, .env = env};
}

class PowerCutTest : public ::testing::Test {
 protected:
  // Works until the power goes; what is found then must be a possible state.
  void run(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TemporaryFolder folder;
    const auto disk = std::make_shared<FaultFileSystem>(seed);
    const auto env = std::make_unique<FaultEnv>(disk);
    crypto::SeededRandom random(seed);
    std::optional<Work> work;
    std::unique_ptr<Database> database = Database::open(folder / "db", small_memory(env.get())).value();
    work.emplace(*database, *disk, seed);
    disk->cut_power_after(random.below(400));
    while (!disk->power_is_cut()) work->step();
    const SpaceId space = work->space();
    const std::vector<Expected> possible = work->possible();
    work.reset();
    database.reset();
    disk->restore_power();

    auto reopened = Database::open(folder / "db", small_memory(env.get()));
    ASSERT_TRUE(reopened) << reopened.error().message();
    const Expected found = find_state(**reopened, space);
    EXPECT_NE(std::ranges::find(possible, found), possible.end())
        << "found " << found.objects.size() << " objects and " << found.commits << " commits; possible were "
        << possible.size() << " states from " << possible.front().objects.size() << " objects and "
        << possible.front().commits << " commits on";

    // What was put ahead and not settled can be found and removed, and nothing else is.
    ASSERT_TRUE(make_object_store(**reopened)->discard_ahead(space));
    EXPECT_EQ(find_state(**reopened, space), found);
    const auto here = std::ranges::count_if(found.objects, [](const auto& object) { return object.second.here; });
    EXPECT_EQ(std::ssize(ids_with_bytes(**reopened, space)), here);
  }
};

TEST_F(PowerCutTest, LeavesAStateThatWasOnceTrueAndNotOlderThanTheLastSync) {
  for (std::uint64_t seed = 0; seed < 50 && !HasFailure(); ++seed) run(seed);
}

// The same on purpose: bytes that a flush made durable before their rows came.
TEST_F(PowerCutTest, LeavesANoteOfBytesWithoutObjects) {
  TemporaryFolder folder;
  const auto disk = std::make_shared<FaultFileSystem>(1);
  const auto env = std::make_unique<FaultEnv>(disk);
  crypto::SeededRandom random(1);
  const auto space = random.fixed<SpaceId>();
  const MadeObject settled = make_object(random, space, 30'000);
  const MadeObject ahead = make_object(random, space, 30'000);
  {
    const auto database = Database::open(folder / "db", {.env = env.get()}).value();
    const auto store = make_object_store(*database);
    ASSERT_TRUE(put_all_ahead(*store, space, {&settled, 1}));
    ASSERT_TRUE(store->settle(space));
    ASSERT_TRUE(store->sync());
    ASSERT_TRUE(put_all_ahead(*store, space, {&ahead, 1}));
    ASSERT_TRUE(database->flush(Table::objects));
    disk->cut_power_after(0);
  }
  disk->restore_power();
  const auto database = Database::open(folder / "db", {.env = env.get()}).value();
  const auto store = make_object_store(*database);
  EXPECT_EQ(ids_with_bytes(*database, space).size(), 2U);
  EXPECT_EQ(store->get(space, ahead.id).error().code, ErrorCode::not_found);
  EXPECT_TRUE(store->discard_ahead(space).value());
  EXPECT_EQ(ids_with_bytes(*database, space), std::vector{settled.id});
  EXPECT_EQ(store->get(space, settled.id), settled.bytes);
  EXPECT_FALSE(store->discard_ahead(space).value());
}

// A cut while the database is opened after a cut: recovery itself must lose nothing.
TEST_F(PowerCutTest, MayStrikeAgainDuringRecovery) {
  for (std::uint64_t seed = 500; seed < 510 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TemporaryFolder folder;
    const auto disk = std::make_shared<FaultFileSystem>(seed);
    const auto env = std::make_unique<FaultEnv>(disk);
    crypto::SeededRandom random(seed);
    const auto space = random.fixed<SpaceId>();
    const MadeObject object = make_object(random, space, 30'000);
    {
      const auto database = Database::open(folder / "db", small_memory(env.get())).value();
      const auto store = make_object_store(*database);
      ASSERT_TRUE(put_all(*store, space, {&object, 1}));
      ASSERT_TRUE(store->sync());
      disk->cut_power_after(0);
    }
    for (int again = 0; again < 4; ++again) {
      disk->restore_power();
      disk->cut_power_after(random.below(60));
      static_cast<void>(Database::open(folder / "db", small_memory(env.get())));
    }
    disk->restore_power();
    const auto database = Database::open(folder / "db", small_memory(env.get()));
    ASSERT_TRUE(database) << database.error().message();
    EXPECT_EQ(make_object_store(**database)->get(space, object.id), object.bytes);
  }
}

// The faulty disk itself: what was not synced does go, or the tests above would show nothing.
TEST_F(PowerCutTest, TakesUnsyncedWritesAway) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    TemporaryFolder folder;
    const auto disk = std::make_shared<FaultFileSystem>(seed);
    const auto env = std::make_unique<FaultEnv>(disk);
    {
      const auto database = Database::open(folder / "db", {.env = env.get()}).value();
      ASSERT_TRUE(database->put(Table::state, as_bytes("key"), as_bytes("value"), Durability::buffered));
      disk->cut_power_after(0);
    }
    disk->restore_power();
    const auto database = Database::open(folder / "db", {.env = env.get()}).value();
    if (!database->contains(Table::state, as_bytes("key")).value()) ++lost;
  }
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace beffroi::storage
