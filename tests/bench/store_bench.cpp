// The object store on this machine's disk: in and out, in batches as a backup makes them.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "storage/store/object_store.h"
#include "tests/support/store_cases.h"

namespace beffroi::bench {
namespace {

using storage::testing::MadeObject;

constexpr std::size_t kObjectBytes = std::size_t{64} * 1024;
constexpr std::size_t kObjects = 128;

/// A store in a folder of its own, gone with it.
struct DiskStore {
  std::string folder = (std::filesystem::temp_directory_path() / "beffroi-bench-XXXXXX").string();
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<storage::ObjectStore> store;
  storage::SpaceId space;

  DiskStore() {
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    database = storage::Database::open(folder).value();
    store = storage::make_object_store(*database);
  }
  ~DiskStore() {
    store.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }
  DiskStore(const DiskStore&) = delete;
  DiskStore& operator=(const DiskStore&) = delete;
};

std::vector<MadeObject> objects(crypto::Random& random, const storage::SpaceId& space) {
  std::vector<MadeObject> out;
  for (std::size_t i = 0; i < kObjects; ++i) out.push_back(storage::testing::make_object(random, space, kObjectBytes));
  return out;
}

void per_batch(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kObjects * kObjectBytes));
}

void BM_Store_Put(benchmark::State& state) {
  DiskStore disk;
  crypto::SeededRandom random(1);
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = objects(random, disk.space);
    state.ResumeTiming();
    if (!storage::testing::put_all(*disk.store, disk.space, batch)) state.SkipWithError("the store refused a batch");
  }
  per_batch(state);
}
BENCHMARK(BM_Store_Put)->Unit(benchmark::kMillisecond)->Iterations(100);

/// One fsync for all that came before.
void BM_Store_PutDurably(benchmark::State& state) {
  DiskStore disk;
  crypto::SeededRandom random(2);
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = objects(random, disk.space);
    state.ResumeTiming();
    if (!storage::testing::put_all(*disk.store, disk.space, batch) || !disk.store->sync())
      state.SkipWithError("the store refused a batch");
  }
  per_batch(state);
}
BENCHMARK(BM_Store_PutDurably)->Unit(benchmark::kMillisecond)->Iterations(50);

void BM_Store_Get(benchmark::State& state) {
  DiskStore disk;
  crypto::SeededRandom random(3);
  const auto batch = objects(random, disk.space);
  if (!storage::testing::put_all(*disk.store, disk.space, batch))
    return state.SkipWithError("the store refused a batch");
  for (auto _ : state)
    for (const MadeObject& object : batch) benchmark::DoNotOptimize(disk.store->get(disk.space, object.id));
  per_batch(state);
}
BENCHMARK(BM_Store_Get)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace beffroi::bench
