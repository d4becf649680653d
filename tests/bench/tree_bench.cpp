// Entries per second of a tree that is built, and of one that is walked.
#include <benchmark/benchmark.h>

#include "tests/support/test_entries.h"

namespace beffroi::bench {
namespace {

using storage::Entry;
using storage::testing::MemoryObjects;

constexpr std::size_t kEntries = 100'000;

std::vector<Entry> documents(const storage::DigestKeys& keys) {
  std::vector<Entry> out(kEntries);
  for (std::size_t i = 0; i < kEntries; ++i) {
    Entry& entry = out[i];
    const std::string folder = std::to_string(1000 + i / 100);
    entry.path = std::string("home") + '\0' + folder + '\0' + "document " + std::to_string(100'000 + i) + ".odt";
    entry.mode = 0644;
    entry.mtime_s = 1'700'000'000 + static_cast<std::int64_t>(i);
    entry.content_digest = storage::content_digest_of(keys, {});
  }
  return out;
}

void per_entry(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kEntries));
}

void BM_Tree_Build(benchmark::State& state) {
  const auto objects = std::make_shared<MemoryObjects>(storage::testing::test_key_ring(1));
  const auto entries = documents(objects->keys().digests());
  for (auto _ : state) {
    objects->forget_digests();
    storage::TreeBuilder builder(objects->keys(), *objects);
    for (const Entry& entry : entries) benchmark::DoNotOptimize(builder.add(entry));
    benchmark::DoNotOptimize(builder.finish());
  }
  per_entry(state);
}
BENCHMARK(BM_Tree_Build)->Unit(benchmark::kMillisecond);

/// An unchanged backup: every leaf is found by its digest.
void BM_Tree_BuildUnchanged(benchmark::State& state) {
  const auto objects = std::make_shared<MemoryObjects>(storage::testing::test_key_ring(1));
  const auto entries = documents(objects->keys().digests());
  for (auto _ : state) {
    storage::TreeBuilder builder(objects->keys(), *objects);
    for (const Entry& entry : entries) benchmark::DoNotOptimize(builder.add(entry));
    benchmark::DoNotOptimize(builder.finish());
  }
  per_entry(state);
}
BENCHMARK(BM_Tree_BuildUnchanged)->Unit(benchmark::kMillisecond);

void BM_Tree_Walk(benchmark::State& state) {
  const auto objects = std::make_shared<MemoryObjects>(storage::testing::test_key_ring(1));
  storage::TreeBuilder builder(objects->keys(), *objects);
  for (const Entry& entry : documents(objects->keys().digests())) benchmark::DoNotOptimize(builder.add(entry));
  const auto root = builder.finish();
  const auto opener = MemoryObjects::opener(objects);
  for (auto _ : state) {
    std::uint64_t seen = 0;
    benchmark::DoNotOptimize(storage::TreeReader(opener, root->object.id).for_each("", [&](const Entry&) {
      ++seen;
      return Result<void>();
    }));
    benchmark::DoNotOptimize(seen);
  }
  per_entry(state);
}
BENCHMARK(BM_Tree_Walk)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace beffroi::bench
