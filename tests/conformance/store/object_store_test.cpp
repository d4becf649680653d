// Goal: every object store keeps the contract of storage/store/object_store.h: the one on disk, the one in memory, and
// the one on a disk that could fail but does not.
#include "storage/store/object_store.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/support/fault_env.h"
#include "tests/support/object_graph.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// Owns whatever a store stands on. reopen() gives the same store after a restart; the one in memory cannot.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual ObjectStore& store() = 0;
  virtual void reopen() {}
};

class InMemory final : public StoreUnderTest {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  std::unique_ptr<ObjectStore> store_ = make_memory_object_store();
};

class OnDisk final : public StoreUnderTest {
 public:
  explicit OnDisk(bool could_fail) {
    if (could_fail) env_ = std::make_unique<FaultEnv>(std::make_shared<FaultFileSystem>(1));
    reopen();
  }
  ObjectStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    database_.reset();
    database_ = Database::open(folder_ / "db", {.env = env_.get()}).value();
    store_ = make_object_store(*database_);
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<ObjectStore> store_;
};

class ObjectStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  ObjectStoreTest() {
    const std::string name = GetParam();
    if (name == "memory")
      under_test_ = std::make_unique<InMemory>();
    else
      under_test_ = std::make_unique<OnDisk>(name == "faulty_disk");
  }
  ObjectStore& store() { return under_test_->store(); }
  void reopen() { under_test_->reopen(); }

  std::vector<MadeObject> put_some(std::size_t count, ObjectKind kind = ObjectKind::chunk, std::uint32_t epoch = 1) {
    std::vector<MadeObject> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(make_object(random_, space_, 1000 + 4000 * i, kind, epoch));
    EXPECT_TRUE(put_all(store(), space_, out));
    return out;
  }
  static std::vector<ObjectId> ids_of(std::span<const MadeObject> objects) {
    std::vector<ObjectId> out;
    for (const MadeObject& object : objects) out.push_back(object.id);
    return out;
  }
  ObjectInfo info(const ObjectId& id) { return store().info(space_, id).value().value(); }
  ErrorCode get_error(const ObjectId& id) { return store().get(space_, id).error().code; }

  crypto::SeededRandom random_{7};
  SpaceId space_ = random_.fixed<SpaceId>();

 private:
  std::unique_ptr<StoreUnderTest> under_test_;
};

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreTest, ::testing::Values("disk", "memory", "faulty_disk"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(ObjectStoreTest, GivesBackWhatWasPut) {
  MadeObject parent = make_object(random_, space_, 300, ObjectKind::leaf, 5);
  parent.header.height = 3;
  for (int i = 0; i < 4; ++i) parent.header.children.push_back(random_.fixed<ObjectId>());
  std::ranges::sort(parent.header.children);
  ASSERT_TRUE(put_all(store(), space_, {&parent, 1}));
  const auto chunks = put_some(3);

  EXPECT_EQ(store().get(space_, parent.id), parent.bytes);
  for (const MadeObject& chunk : chunks) EXPECT_EQ(store().get(space_, chunk.id), chunk.bytes);
  const ObjectInfo facts = info(parent.id);
  EXPECT_EQ(facts.kind, ObjectKind::leaf);
  EXPECT_EQ(facts.height, 3);
  EXPECT_EQ(facts.epoch, Epoch{5});
  EXPECT_EQ(facts.sealed_bytes, 300U);
  EXPECT_TRUE(facts.bytes_present);
  EXPECT_FALSE(facts.receipted);
  EXPECT_FALSE(facts.quarantined);
  EXPECT_EQ(store().children(space_, parent.id), parent.header.children);
  EXPECT_TRUE(store().children(space_, chunks[0].id)->empty());
}

TEST_P(ObjectStoreTest, KeepsTheLargestHeaderAndTheLargestObject) {
  MadeObject node = make_object(random_, space_, kMaxObjectBytes, ObjectKind::node);
  for (std::size_t i = 0; i < kMaxChildren; ++i) node.header.children.push_back(random_.fixed<ObjectId>());
  ASSERT_TRUE(put_all(store(), space_, {&node, 1}));
  reopen();
  EXPECT_EQ(store().get(space_, node.id), node.bytes);
  EXPECT_EQ(store().children(space_, node.id), node.header.children);
}

TEST_P(ObjectStoreTest, WhatIsPutAheadIsThereWhenItIsSettled) {
  std::vector<MadeObject> lot;
  for (const std::size_t size : {50U, 5000U, 70'000U}) lot.push_back(make_object(random_, space_, size));
  ASSERT_TRUE(put_all_ahead(store(), space_, std::span(lot).first(2)));
  ASSERT_TRUE(put_all_ahead(store(), space_, std::span(lot).last(2)));  // one of them twice
  const auto others = put_some(2);
  ASSERT_TRUE(store().settle(space_));
  for (const MadeObject& object : lot) EXPECT_EQ(store().get(space_, object.id), object.bytes);
  for (const MadeObject& object : others) EXPECT_EQ(store().get(space_, object.id), object.bytes);
  EXPECT_EQ(measure_usage(store(), space_)->objects, 5U);
  EXPECT_FALSE(store().discard_ahead(space_).value());
  reopen();
  for (const MadeObject& object : lot) EXPECT_EQ(store().get(space_, object.id), object.bytes);
  EXPECT_TRUE(store().settle(space_));
}

TEST_P(ObjectStoreTest, PuttingAheadHealsAndBringsBack) {
  const auto objects = put_some(3);
  ASSERT_TRUE(store().quarantine(space_, objects[0].id));
  ASSERT_TRUE(store().mark_receipted(space_, std::vector{objects[1].id, objects[2].id}));
  ASSERT_TRUE(store().evict(space_, {&objects[1].id, 1}));
  ASSERT_TRUE(put_all_ahead(store(), space_, objects));
  // Others may change what is known of them meanwhile.
  ASSERT_TRUE(store().evict(space_, {&objects[2].id, 1}));
  ASSERT_TRUE(store().settle(space_));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(store().get(space_, objects[i].id), objects[i].bytes);
  EXPECT_FALSE(info(objects[0].id).quarantined);
  EXPECT_TRUE(info(objects[1].id).receipted);
}

TEST_P(ObjectStoreTest, SaysWhatItNeverHeardOf) {
  put_some(2);
  const auto id = random_.fixed<ObjectId>();
  EXPECT_EQ(get_error(id), ErrorCode::not_found);
  EXPECT_EQ(store().info(space_, id).value(), std::nullopt);
  EXPECT_EQ(store().children(space_, id).error().code, ErrorCode::not_found);
  EXPECT_FALSE(counts_as_present(store().info(space_, id).value()));
}

TEST_P(ObjectStoreTest, AnswersManyIdsInTheirOrder) {
  const auto objects = put_some(2);
  const std::vector<ObjectId> asked = {objects[1].id, random_.fixed<ObjectId>(), objects[0].id, objects[1].id};
  const auto infos = store().info_many(space_, asked).value();
  ASSERT_EQ(infos.size(), 4U);
  EXPECT_EQ(infos[0]->sealed_bytes, objects[1].bytes.size());
  EXPECT_FALSE(infos[1]);
  EXPECT_EQ(infos[2]->sealed_bytes, objects[0].bytes.size());
  EXPECT_EQ(infos[3]->sealed_bytes, objects[1].bytes.size());
  EXPECT_TRUE(store().info_many(space_, {})->empty());
}

TEST_P(ObjectStoreTest, PutTwiceCountsOnce) {
  auto objects = put_some(3);
  const StoreUsage once = measure_usage(store(), space_).value();
  objects.push_back(objects.front());
  ASSERT_TRUE(put_all(store(), space_, objects));
  EXPECT_EQ(measure_usage(store(), space_).value(), once);
  EXPECT_EQ(once.objects, 3U);
  EXPECT_EQ(once.sealed_bytes, 1000U + 5000 + 9000);

  MadeObject twice = make_object(random_, space_, 10);
  const std::vector<MadeObject> batch = {twice, twice};
  ASSERT_TRUE(put_all(store(), space_, batch));
  EXPECT_EQ(measure_usage(store(), space_)->objects, 4U);
}

TEST_P(ObjectStoreTest, AnEmptyPutIsFine) {
  EXPECT_TRUE(store().put(space_, {}));
  EXPECT_EQ(measure_usage(store(), space_).value(), StoreUsage{});
}

TEST_P(ObjectStoreTest, SpacesDoNotSeeOneAnother) {
  const auto objects = put_some(2);
  SpaceId other = space_;
  other.data[31] ^= 1;
  EXPECT_EQ(store().info(other, objects[0].id).value(), std::nullopt);
  ASSERT_TRUE(put_all(store(), other, {objects.data(), 1}));
  ASSERT_TRUE(store().erase_space(space_));
  EXPECT_EQ(store().get(other, objects[0].id), objects[0].bytes);
  EXPECT_EQ(get_error(objects[0].id), ErrorCode::not_found);
  EXPECT_EQ(measure_usage(store(), space_).value(), StoreUsage{});
  EXPECT_EQ(measure_usage(store(), other)->objects, 1U);
}

TEST_P(ObjectStoreTest, AnErasedSpaceCanBeFilledAgain) {
  const auto objects = put_some(3);
  ASSERT_TRUE(store().mark_receipted(space_, ids_of(objects)));
  ASSERT_TRUE(store().erase_space(space_));
  EXPECT_TRUE(read_image(store(), space_).objects.empty());
  ASSERT_TRUE(put_all(store(), space_, objects));
  const StoreImage image = read_image(store(), space_);
  EXPECT_EQ(image.objects.size(), 3U);
  EXPECT_TRUE(image.evictable.empty());
}

TEST_P(ObjectStoreTest, EvictionKeepsTheFacts) {
  const auto objects = put_some(3);
  const ObjectId id = objects[1].id;
  ASSERT_TRUE(store().mark_receipted(space_, {&id, 1}));
  ASSERT_TRUE(store().evict(space_, {&id, 1}));
  EXPECT_EQ(get_error(id), ErrorCode::not_found);
  EXPECT_FALSE(info(id).bytes_present);
  EXPECT_TRUE(info(id).receipted);
  EXPECT_EQ(info(id).sealed_bytes, objects[1].bytes.size());
  EXPECT_TRUE(counts_as_present(info(id)));
  EXPECT_EQ(measure_usage(store(), space_)->objects, 2U);
  EXPECT_EQ(measure_usage(store(), space_)->sealed_bytes, 1000U + 9000);
}

TEST_P(ObjectStoreTest, WhatHasNoReceiptIsNotEvicted) {
  const auto objects = put_some(2);
  ASSERT_TRUE(store().evict(space_, ids_of(objects)));
  for (const MadeObject& object : objects) EXPECT_EQ(store().get(space_, object.id), object.bytes);
}

// Goal: what the peer was found to have lost is not evicted any more, and what is above it keeps its mark.
TEST_P(ObjectStoreTest, AMarkThatWasTakenBackKeepsTheBytes) {
  const auto objects = put_some(2);
  ASSERT_TRUE(store().mark_receipted(space_, ids_of(objects)));
  ASSERT_TRUE(store().mark_unreceipted(space_, std::vector{objects[0].id, ObjectId{{9}}}));
  EXPECT_FALSE(info(objects[0].id).receipted);
  EXPECT_TRUE(info(objects[1].id).receipted);
  ASSERT_TRUE(store().evict(space_, ids_of(objects)));
  EXPECT_TRUE(info(objects[0].id).bytes_present);
  EXPECT_FALSE(info(objects[1].id).bytes_present);
  std::vector<ObjectId> evictable;
  ASSERT_TRUE(store().mark_receipted(space_, {&objects[0].id, 1}));
  ASSERT_TRUE(store().for_each_evictable(space_, [&](const ObjectId& id, const ObjectInfo&) {
    evictable.push_back(id);
    return true;
  }));
  EXPECT_EQ(evictable, std::vector{objects[0].id});
}

TEST_P(ObjectStoreTest, PutBringsEvictedBytesBack) {
  const auto objects = put_some(1);
  const auto ids = ids_of(objects);
  ASSERT_TRUE(store().mark_receipted(space_, ids));
  ASSERT_TRUE(store().evict(space_, ids));
  ASSERT_TRUE(put_all(store(), space_, objects));
  EXPECT_EQ(store().get(space_, ids[0]), objects[0].bytes);
  EXPECT_TRUE(info(ids[0]).bytes_present);
  EXPECT_TRUE(info(ids[0]).receipted);
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAre(ids[0]));
}

TEST_P(ObjectStoreTest, AQuarantinedObjectIsAbsentUntilItIsPutAgain) {
  const auto objects = put_some(2);
  const auto ids = ids_of(objects);
  ASSERT_TRUE(store().mark_receipted(space_, ids));
  ASSERT_TRUE(store().quarantine(space_, ids[0]));
  EXPECT_TRUE(info(ids[0]).quarantined);
  EXPECT_FALSE(counts_as_present(info(ids[0])));
  EXPECT_EQ(get_error(ids[0]), ErrorCode::not_found);
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAre(ids[1]));

  ASSERT_TRUE(put_all(store(), space_, objects));
  EXPECT_FALSE(info(ids[0]).quarantined);
  // What the peer has of it is to be asked anew, before the only good copy may be evicted.
  EXPECT_FALSE(info(ids[0]).receipted);
  EXPECT_EQ(store().get(space_, ids[0]), objects[0].bytes);
  EXPECT_EQ(read_image(store(), space_).usage.objects, 2U);
}

TEST_P(ObjectStoreTest, MarksAndQuarantinesOnlyWhatIsKnown) {
  const auto unknown = random_.fixed<ObjectId>();
  EXPECT_TRUE(store().mark_receipted(space_, {&unknown, 1}));
  EXPECT_TRUE(store().quarantine(space_, unknown));
  EXPECT_TRUE(store().evict(space_, {&unknown, 1}));
  EXPECT_TRUE(store().remove(space_, {&unknown, 1}));
  EXPECT_EQ(store().info(space_, unknown).value(), std::nullopt);
}

TEST_P(ObjectStoreTest, RemovedObjectsAreForgottenWholly) {
  const auto objects = put_some(3);
  const auto ids = ids_of(objects);
  ASSERT_TRUE(store().mark_receipted(space_, ids));
  ASSERT_TRUE(store().remove(space_, {ids.data(), 2}));
  EXPECT_EQ(store().info(space_, ids[0]).value(), std::nullopt);
  EXPECT_EQ(get_error(ids[1]), ErrorCode::not_found);
  const StoreImage image = read_image(store(), space_);
  EXPECT_EQ(image.usage.objects, 1U);
  EXPECT_THAT(image.evictable, ElementsAre(ids[2]));
  ASSERT_TRUE(put_all(store(), space_, {objects.data(), 1}));
  EXPECT_FALSE(info(ids[0]).receipted);
}

TEST_P(ObjectStoreTest, RemoteObjectsAreKnownWithoutBytes) {
  const auto objects = put_some(1);
  const RemoteObject remote{
      .id = random_.fixed<ObjectId>(), .kind = ObjectKind::chunk, .height = 0, .epoch = {2}, .sealed_bytes = 700};
  const RemoteObject known{
      .id = objects[0].id, .kind = ObjectKind::chunk, .height = 0, .epoch = {2}, .sealed_bytes = 700};
  const std::vector<RemoteObject> both = {remote, known, remote};
  ASSERT_TRUE(store().note_remote(space_, both));
  EXPECT_TRUE(counts_as_present(info(remote.id)));
  EXPECT_FALSE(info(remote.id).bytes_present);
  EXPECT_EQ(info(remote.id).sealed_bytes, 700U);
  EXPECT_EQ(get_error(remote.id), ErrorCode::not_found);
  EXPECT_EQ(store().get(space_, known.id), objects[0].bytes);
  EXPECT_FALSE(info(known.id).receipted);

  MadeObject fetched = make_object(random_, space_, 700);
  fetched.id = remote.id;
  ASSERT_TRUE(put_all(store(), space_, {&fetched, 1}));
  EXPECT_EQ(store().get(space_, remote.id), fetched.bytes);
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAre(remote.id));
}

TEST_P(ObjectStoreTest, IteratesInTheOrderOfIdsAndStopsWhenTold) {
  auto ids = ids_of(put_some(20));
  std::ranges::sort(ids);
  std::vector<ObjectId> visited;
  ASSERT_TRUE(store().iterate(space_, [&](const ObjectId& id, const ObjectInfo&) {
    visited.push_back(id);
    return visited.size() < 15;
  }));
  ids.resize(15);
  EXPECT_EQ(visited, ids);
}

TEST_P(ObjectStoreTest, AWalkGoesOnWhereItStopped) {
  auto ids = ids_of(put_some(20));
  std::ranges::sort(ids);
  std::vector<ObjectId> visited;
  for (std::optional<ObjectId> from = ObjectId{}; from;) {
    std::size_t taken = 0;
    const std::size_t before = visited.size();
    ASSERT_TRUE(store().iterate_from(space_, *from, [&](const ObjectId& id, const ObjectInfo&) {
      visited.push_back(id);
      return ++taken < 3;
    }));
    from = visited.size() == before ? std::nullopt : next_id(visited.back());
  }
  EXPECT_EQ(visited, ids);
  ObjectId last;
  last.data.fill(0xFF);
  EXPECT_EQ(next_id(last), std::nullopt);
  EXPECT_TRUE(store().iterate_from(space_, last, [](const auto&, const auto&) { return true; }));
}

TEST_P(ObjectStoreTest, NumbersItsPuts) {
  EXPECT_EQ(store().insertions(space_).value(), 0U);
  const auto objects = put_some(3);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(info(objects[i].id).insertion, i + 1);
  EXPECT_EQ(store().insertions(space_).value(), 3U);
  ASSERT_TRUE(put_all(store(), space_, objects));
  EXPECT_EQ(store().insertions(space_).value(), 3U);

  // What comes back, and what is put ahead, gets new numbers; what is only heard of gets none.
  ASSERT_TRUE(store().quarantine(space_, objects[1].id));
  ASSERT_TRUE(put_all(store(), space_, {&objects[1], 1}));
  EXPECT_EQ(info(objects[1].id).insertion, 4U);
  const MadeObject ahead = make_object(random_, space_, 10);
  ASSERT_TRUE(put_all_ahead(store(), space_, {&ahead, 1}));
  ASSERT_TRUE(store().settle(space_));
  EXPECT_EQ(info(ahead.id).insertion, 5U);
  const RemoteObject remote{.id = random_.fixed<ObjectId>(), .epoch = {1}, .sealed_bytes = 7};
  ASSERT_TRUE(store().note_remote(space_, {&remote, 1}));
  EXPECT_EQ(info(remote.id).insertion, 0U);

  // Numbers are not given twice, though what had them is gone.
  ASSERT_TRUE(store().remove(space_, {&ahead.id, 1}));
  reopen();
  EXPECT_EQ(store().insertions(space_).value(), 5U);
  EXPECT_EQ(info(objects[1].id).insertion, 4U);
}

TEST_P(ObjectStoreTest, ACollectionLeavesWhatIsInUse) {
  ObjectGraph graph(3);
  graph.grow(store(), 400);
  const std::vector<ObjectId> roots = {graph.some(), graph.some_young()};
  std::vector<ObjectId> some;
  for (int i = 0; i < 40; ++i) some.push_back(graph.some());
  ASSERT_TRUE(store().mark_receipted(graph.space(), some));
  ASSERT_TRUE(store().evict(graph.space(), std::span(some).first(20)));
  ASSERT_TRUE(store().quarantine(graph.space(), some.back()));
  const RemoteObject remote{.id = random_.fixed<ObjectId>(), .epoch = {1}, .sealed_bytes = 5};
  ASSERT_TRUE(store().note_remote(graph.space(), {&remote, 1}));
  const StoreUsage before = store().usage(graph.space()).value();

  std::uint64_t removed = 0;
  std::uint64_t removed_bytes = 0;
  // More than once: the filter errs.
  for (int run = 0; run < 10; ++run) {
    const auto counts = collect(store(), graph.space(), roots, random_, 30, {.trees_max = 25});
    ASSERT_TRUE(counts) << counts.error().message();
    EXPECT_TRUE(broken_parents(store(), graph.space()).empty());
    removed += counts->removed;
    removed_bytes += counts->removed_bytes;
    reopen();
  }
  const auto live = graph.reached_from(roots);
  EXPECT_EQ(known_ids(store(), graph.space()), live);
  EXPECT_EQ(removed, 401 - live.size());
  EXPECT_EQ(before.sealed_bytes - removed_bytes, store().usage(graph.space())->sealed_bytes);
  for (const auto& [id, object] : read_image(store(), graph.space()).objects) {
    if (object.bytes) {
      EXPECT_EQ(*object.bytes, graph.object(id).bytes);
    }
  }
}

TEST_P(ObjectStoreTest, AVisitorMayChangeTheStore) {
  const auto objects = put_some(5);
  ASSERT_TRUE(store().mark_receipted(space_, ids_of(objects)));
  std::size_t visits = 0;
  ASSERT_TRUE(store().iterate(space_, [&](const ObjectId& id, const ObjectInfo&) {
    ++visits;
    return store().remove(space_, {&id, 1}).has_value();
  }));
  EXPECT_EQ(visits, 5U);
  EXPECT_TRUE(read_image(store(), space_).objects.empty());
}

TEST_P(ObjectStoreTest, OldEpochsAndThenOldPutsAreEvictedFirstAndTreesNever) {
  const auto newer = put_some(3, ObjectKind::chunk, 300);
  const auto leaves = put_some(2, ObjectKind::leaf, 1);
  const auto older = put_some(3, ObjectKind::bundle, 2);
  const auto unreceipted = put_some(2, ObjectKind::chunk, 1);
  for (const auto& objects : {older, newer, leaves}) {
    auto ids = ids_of(objects);
    std::ranges::sort(ids);
    ASSERT_TRUE(store().mark_receipted(space_, ids));
  }
  auto expected = ids_of(older);
  for (const ObjectId& id : ids_of(newer)) expected.push_back(id);
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAreArray(expected));

  std::size_t visits = 0;
  ASSERT_TRUE(store().for_each_evictable(space_, [&](const ObjectId&, const ObjectInfo&) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2U);
}

TEST_P(ObjectStoreTest, MarksMoreIdsThanFitIntoOneBatch) {
  std::vector<MadeObject> objects;
  for (int i = 0; i < 5000; ++i) objects.push_back(make_object(random_, space_, 20));
  ASSERT_TRUE(put_all(store(), space_, objects));
  const auto ids = ids_of(objects);
  ASSERT_TRUE(store().mark_receipted(space_, ids));
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAreArray(ids));
  ASSERT_TRUE(store().evict(space_, ids));
  EXPECT_EQ(read_image(store(), space_).usage, StoreUsage{});
}

TEST_P(ObjectStoreTest, ARestartKeepsEverything) {
  const auto objects = put_some(6);
  const auto ids = ids_of(objects);
  ASSERT_TRUE(store().mark_receipted(space_, {ids.data(), 4}));
  ASSERT_TRUE(store().evict(space_, {ids.data(), 1}));
  ASSERT_TRUE(store().quarantine(space_, ids[1]));
  ASSERT_TRUE(store().sync());
  reopen();
  const StoreImage image = read_image(store(), space_);
  EXPECT_EQ(image.objects.size(), 6U);
  EXPECT_EQ(image.usage.objects, 4U);
  EXPECT_THAT(image.evictable, ElementsAre(ids[2], ids[3]));
  EXPECT_TRUE(info(ids[1]).quarantined);
  // Puts after the restart are younger than those before.
  const auto later = ids_of(put_some(1));
  ASSERT_TRUE(store().mark_receipted(space_, later));
  EXPECT_THAT(read_image(store(), space_).evictable, ElementsAre(ids[2], ids[3], later[0]));
}

TEST_P(ObjectStoreTest, ThreadsPutTheSameAndOtherObjectsAtOnce) {
  const std::vector<MadeObject> shared = [&] {
    std::vector<MadeObject> out;
    for (int i = 0; i < 40; ++i) out.push_back(make_object(random_, space_, 5000));
    return out;
  }();
  const auto work = [&](std::uint64_t seed) {
    crypto::SeededRandom random(seed);
    for (const MadeObject& object : shared) {
      const std::vector<MadeObject> batch = {object, make_object(random, space_, 300)};
      ASSERT_TRUE(put_all(store(), space_, batch));
      ASSERT_TRUE(store().mark_receipted(space_, {&object.id, 1}));
      EXPECT_EQ(store().get(space_, object.id), object.bytes);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t seed = 100; seed < 104; ++seed) threads.emplace_back(work, seed);
  }
  const StoreImage image = read_image(store(), space_);
  EXPECT_EQ(image.usage.objects, 40U + 4 * 40);
  EXPECT_EQ(image.evictable.size(), 40U);
}

}  // namespace
}  // namespace beffroi::storage
