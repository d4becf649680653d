// Chunker and codecs, beside zstd alone.
#include <benchmark/benchmark.h>
#include <zstd.h>

#include "storage/format/chunker.h"
#include "storage/format/codec.h"
#include "tests/bench/bench_data.h"

namespace beffroi::bench {
namespace {

using storage::PayloadEncoder;

constexpr std::size_t kChunkBytes = std::size_t{128} * 1024;
constexpr std::size_t kFileBytes = std::size_t{64} * 1024 * 1024;

void per_byte(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void BM_Chunker(benchmark::State& state) {
  const storage::Chunker chunker(Bytes(16, 7));
  const Bytes data = incompressible(kFileBytes);
  for (auto _ : state)
    for (ByteView rest = data; !rest.empty();) rest = rest.subspan(chunker.next_cut(rest));
  per_byte(state, data.size());
}
BENCHMARK(BM_Chunker)->Unit(benchmark::kMillisecond);

void BM_Limit_Zstd(benchmark::State& state) {
  const Bytes data = text(kChunkBytes);
  Bytes out(ZSTD_compressBound(data.size()));
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  for (auto _ : state)
    benchmark::DoNotOptimize(
        ZSTD_compressCCtx(context, out.data(), out.size(), data.data(), data.size(), static_cast<int>(state.range(0))));
  ZSTD_freeCCtx(context);
  per_byte(state, data.size());
}
BENCHMARK(BM_Limit_Zstd)->Arg(1)->Arg(3)->Arg(6);

void BM_Encode_Text(benchmark::State& state) {
  PayloadEncoder encoder;
  const Bytes data = text(kChunkBytes);
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(data, static_cast<int>(state.range(0))));
  per_byte(state, data.size());
}
BENCHMARK(BM_Encode_Text)->Arg(1)->Arg(3)->Arg(6);

/// What the probe saves: photos and ZIP-based files are stored as they are.
void BM_Encode_Incompressible(benchmark::State& state) {
  PayloadEncoder encoder;
  const Bytes data = incompressible(kChunkBytes);
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(data));
  per_byte(state, data.size());
}
BENCHMARK(BM_Encode_Incompressible);

void BM_Decode_Text(benchmark::State& state) {
  PayloadEncoder encoder;
  const auto payload = encoder.encode(text(kChunkBytes));
  for (auto _ : state) {
    const auto view = storage::parse_payload(payload.bytes);
    benchmark::DoNotOptimize(storage::decode_payload(*view, {}));
  }
  per_byte(state, kChunkBytes);
}
BENCHMARK(BM_Decode_Text);

/// A page of 4 KiB changed in a chunk of a database, against the chunk before.
void BM_EncodeDelta_OnePage(benchmark::State& state) {
  PayloadEncoder encoder;
  const Bytes base = incompressible(kChunkBytes);
  Bytes data = base;
  const Bytes page = incompressible(4096, 2);
  std::copy(page.begin(), page.end(), data.begin() + 50'000);
  std::size_t size = 0;
  for (auto _ : state) size = encoder.encode_delta(data, base, 0, storage::kDefaultCompressionLevel).bytes.size();
  state.counters["delta_bytes"] = static_cast<double>(size);
  per_byte(state, data.size());
}
BENCHMARK(BM_EncodeDelta_OnePage);

}  // namespace
}  // namespace beffroi::bench
