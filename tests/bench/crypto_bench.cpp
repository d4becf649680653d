// The machine's limits, and what the cryptography costs beside them.
#include <benchmark/benchmark.h>
#include <sodium.h>

#include <cstring>

#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "tests/bench/bench_data.h"

namespace beffroi::bench {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{128} * 1024;

void per_byte(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void BM_Limit_MemoryCopy(benchmark::State& state) {
  const Bytes from = incompressible(std::size_t{64} * 1024 * 1024);
  Bytes to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  per_byte(state, from.size());
}
BENCHMARK(BM_Limit_MemoryCopy);

void BM_Limit_Blake2b(benchmark::State& state) {
  const Bytes data = incompressible(kChunkBytes);
  std::array<std::uint8_t, 32> out{};
  for (auto _ : state) {
    crypto_generichash(out.data(), out.size(), data.data(), data.size(), nullptr, 0);
    benchmark::DoNotOptimize(out);
  }
  per_byte(state, data.size());
}
BENCHMARK(BM_Limit_Blake2b);

void BM_Limit_SodiumXChaCha20Poly1305(benchmark::State& state) {
  const Bytes data = incompressible(kChunkBytes);
  const Bytes key(32, 1);
  const Bytes nonce(24, 2);
  Bytes out(data.size() + 16);
  for (auto _ : state) {
    crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, data.data(), data.size(), nullptr, 0, nullptr,
                                               nonce.data(), key.data());
    benchmark::DoNotOptimize(out.data());
  }
  per_byte(state, data.size());
}
BENCHMARK(BM_Limit_SodiumXChaCha20Poly1305);

void BM_Hash_ObjectId(benchmark::State& state) {
  const Bytes data = incompressible(kChunkBytes);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::hash256(crypto::labels::object_id, data));
  per_byte(state, data.size());
}
BENCHMARK(BM_Hash_ObjectId);

crypto::SealKeys keys() {
  return {crypto::SecretBytes::copy_of(Bytes(32, 1)), crypto::SecretBytes::copy_of(Bytes(32, 2))};
}

/// Nonce hash and encryption: two passes over the data.
void BM_Seal(benchmark::State& state) {
  const crypto::SealKeys seal_keys = keys();
  const Bytes data = incompressible(kChunkBytes);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::seal(seal_keys, {}, data));
  per_byte(state, data.size());
}
BENCHMARK(BM_Seal);

void BM_Open(benchmark::State& state) {
  const crypto::SealKeys seal_keys = keys();
  const Bytes sealed = crypto::seal(seal_keys, {}, incompressible(kChunkBytes));
  for (auto _ : state) benchmark::DoNotOptimize(crypto::open(seal_keys, {}, sealed));
  per_byte(state, kChunkBytes);
}
BENCHMARK(BM_Open);

}  // namespace
}  // namespace beffroi::bench
