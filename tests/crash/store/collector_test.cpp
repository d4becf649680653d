// Goal: when the power goes at any step of a sweep, every object that is found then has all that it is made of, and all
// that is in use is there. A sweep that takes children first, made here on purpose, is found out.
#include "storage/store/collector.h"

#include <gtest/gtest.h>

#include "tests/support/fault_env.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/object_graph.h"

namespace beffroi::storage {
namespace {

using namespace testing;

/// Lies about the heights of trees, so that a sweep begins with the lowest.
class UpsideDownStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<void> iterate_from(const SpaceId& space, const ObjectId& first, const Visitor& visit) override {
    return ForwardingStore::iterate_from(space, first, [&](const ObjectId& id, ObjectInfo info) {
      if (info.height > 0) info.height = static_cast<std::uint8_t>(kMaxHeight + 1 - info.height);
      return visit(id, info);
    });
  }
};

enum class Order : std::uint8_t { parents_first, children_first };

/// A store on a disk that loses its power again and again.
class PowerlessStore {
 public:
  explicit PowerlessStore(std::uint64_t seed)
      : disk_(std::make_shared<FaultFileSystem>(seed)), env_(std::make_unique<FaultEnv>(disk_)) {
    open();
  }
  ObjectStore& store() { return *store_; }
  FaultFileSystem& disk() { return *disk_; }
  void cut_power() {
    disk_->cut_power_after(0);
    reopen();
  }
  void reopen() {
    store_.reset();
    database_.reset();
    disk_->restore_power();
    open();
  }

 private:
  // Small memtables, so that cuts also meet flushes.
  void open() {
    database_ =
        Database::open(
            folder_ / "db",
            {.cache_bytes = 256 * 1024, .memtable_bytes = 256 * 1024, .background_threads = 2, .env = env_.get()})
            .value();
    store_ = make_object_store(*database_);
  }

  TemporaryFolder folder_;
  std::shared_ptr<FaultFileSystem> disk_;
  std::unique_ptr<FaultEnv> env_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<ObjectStore> store_;
};

/// A collection that ends when it is done, after so many removals, or when the power goes. Whether it was done.
bool collect_some(PowerlessStore& powerless, ObjectGraph& graph, const std::vector<ObjectId>& roots, int steps,
                  Order order) {
  UpsideDownStore upside_down(powerless.store());
  ObjectStore& store = order == Order::parents_first ? powerless.store() : upside_down;
  const auto collector = Collector::begin(store, graph.space(), graph.random(), {.trees_max = 30}).value();
  collector->add_roots(roots);
  collector->end_roots();
  while (!collector->is_done() && steps > 0 && !powerless.disk().power_is_cut()) {
    steps -= collector->wants_lock() ? 1 : 0;
    if (!advance(*collector, 5)) return false;
  }
  return collector->is_done();
}

struct Found {
  std::size_t broken = 0;
  std::size_t lost = 0;
};
Found look(ObjectStore& store, const ObjectGraph& graph, const std::set<ObjectId>& live) {
  Found out{.broken = broken_parents(store, graph.space()).size(), .lost = 0};
  const StoreImage image = read_image(store, graph.space());
  for (const ObjectId& id : live) {
    const auto found = image.objects.find(id);
    if (found == image.objects.end() || found->second.bytes != graph.object(id).bytes) ++out.lost;
  }
  return out;
}

// Cuts the power after one removal, after two, … or in the middle of some write, and goes on with what is left.
Found sweep_and_cut(std::uint64_t seed, Order order) {
  PowerlessStore powerless(seed);
  ObjectGraph graph(seed);
  graph.grow(powerless.store(), 300);
  const std::vector<ObjectId> roots = {graph.some(), graph.some_young()};
  const auto live = graph.reached_from(roots);
  EXPECT_TRUE(powerless.store().sync());
  Found worst;
  bool done = false;
  for (int round = 1; round < 100 && !done; ++round) {
    if (round % 3 == 0) powerless.disk().cut_power_after(graph.random().below(12));
    done = collect_some(powerless, graph, roots, round, order) && !powerless.disk().power_is_cut();
    if (round % 2 == 0) EXPECT_TRUE(powerless.store().sync() || powerless.disk().power_is_cut());
    const Found before = look(powerless.store(), graph, live);  // what kill -9 leaves
    powerless.disk().power_is_cut() ? powerless.reopen() : powerless.cut_power();
    const Found after = look(powerless.store(), graph, live);
    worst = {.broken = std::max({worst.broken, before.broken, after.broken}),
             .lost = std::max({worst.lost, before.lost, after.lost})};
  }
  EXPECT_TRUE(done);
  return worst;
}

TEST(CollectorCrashTest, NoSweepLeavesAParentWithoutItsChildren) {
  for (std::uint64_t seed = 0; seed < 8 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Found worst = sweep_and_cut(seed, Order::parents_first);
    EXPECT_EQ(worst.broken, 0U);
    EXPECT_EQ(worst.lost, 0U);
  }
}

TEST(CollectorCrashTest, ASweepInTheWrongOrderIsFoundOut) {
  std::size_t broken = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) broken += sweep_and_cut(seed, Order::children_first).broken;
  EXPECT_GT(broken, 0U);
}

}  // namespace
}  // namespace beffroi::storage
