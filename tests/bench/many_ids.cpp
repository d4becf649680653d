// How long a real peer with millions of objects thinks over "which of these ids do you lack?". Driven by stations.py.
//
//   beffroi_many_ids fill FOLDER DATA MILLIONS [OBJECT_BYTES]   puts invented objects of vault 0 of a set into the
//   database
//                                                               of a peer that hosts it and is stopped
//   beffroi_many_ids ask FOLDER MILLIONS QUESTIONS [IDS] < CODE  asks, half of the ids being there; the code says where
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "storage/store/object_store.h"
#include "tests/bench/bench_data.h"
#include "tests/bench/replay.h"

namespace beffroi::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::size_t kBatch = 2000;
constexpr std::size_t kOrdinaryBytes = 300;
constexpr std::size_t kOrdinaryIds = 1000;
constexpr std::uint64_t kAbsent = std::uint64_t{1} << 40;  // numbers of objects that are not there

storage::ObjectId id_of(std::uint64_t number) {
  std::array<std::uint8_t, 8> text{};
  put_le64(text.data(), number);
  return {crypto::hash256(crypto::labels::local_file, text)};
}

// The store does not look into what it is given.
int fill(const SealedVault& vault, const std::string& data, std::uint64_t count, std::size_t object_bytes) {
  const auto database = storage::Database::open(data + "/db").value();
  const auto objects = storage::make_object_store(*database);
  const Bytes bytes = incompressible(object_bytes + kBatch);
  storage::ObjectHeader header;
  header.space = vault.space;
  header.epoch = {1};
  std::vector<storage::IncomingObject> batch;
  for (std::uint64_t number = 0; number < count; ++number) {
    const ByteView view = ByteView(bytes).subspan(number % kBatch, object_bytes);
    batch.push_back({.id = id_of(number), .header = header, .bytes = view});
    if (batch.size() < kBatch && number + 1 < count) continue;
    objects->put(vault.space, batch).value();
    batch.clear();
  }
  objects->sync().value();
  return EXIT_SUCCESS;
}

std::vector<storage::ObjectId> draw_ids(crypto::Random& random, std::size_t ids, std::uint64_t count) {
  std::vector<storage::ObjectId> out;
  for (std::size_t i = 0; i < ids; ++i) out.push_back(id_of(random.below(count) + (i % 2 == 0 ? 0 : kAbsent)));
  return out;
}

using Times = std::vector<double>;  // milliseconds, in the order of the questions

asio::awaitable<Result<Times>> ask(const SealedVault& vault, const storage::Invitation& invitation, std::uint64_t count,
                                   std::size_t questions, std::size_t ids) {
  BEFFROI_CO_TRY(const auto replay, co_await Replay::connect(vault, invitation));
  BEFFROI_CO_CHECK(co_await replay->open_lease());
  crypto::SeededRandom random(4);
  Times out;
  for (std::size_t i = 0; i < questions; ++i) {
    auto asked = draw_ids(random, ids, count);
    const auto began = Clock::now();
    BEFFROI_CO_TRY(const std::vector<bool> lacking, co_await replay->lacks(std::move(asked)));
    out.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    for (std::size_t at = 0; at < ids; ++at)
      if (lacking[at] != (at % 2 != 0)) co_return fail(ErrorCode::corrupt, "The peer gave a wrong answer.");
  }
  BEFFROI_CO_CHECK(co_await replay->say_bye());
  co_return std::move(out);
}

double quantile(const Times& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

int measure(const SealedVault& vault, std::uint64_t count, std::size_t questions, std::size_t ids) {
  std::string code;
  std::getline(std::cin, code);
  const storage::Invitation invitation = storage::parse_invitation(code).value();
  asio::io_context io(1);
  auto done = asio::co_spawn(io, ask(vault, invitation, count, questions, ids), asio::use_future);
  io.run();
  Result<Times> times = done.get();
  if (!times) throw std::runtime_error(times.error().message());
  const double first = times->front();
  std::sort(times->begin(), times->end());
  std::printf(
      "{\"objects\": %llu, \"questions\": %zu, \"ids\": %zu, \"first_ms\": %.2f, \"p50_ms\": %.2f, \"p90_ms\": %.2f, "
      "\"p99_ms\": %.2f, \"max_ms\": %.2f}\n",
      static_cast<unsigned long long>(count), questions, ids, first, quantile(*times, 0.5), quantile(*times, 0.9),
      quantile(*times, 0.99), times->back());
  return EXIT_SUCCESS;
}

std::uint64_t number(std::span<char*> words, std::size_t at, std::uint64_t otherwise = 0) {
  return words.size() > at ? std::strtoull(words[at], nullptr, 10) : otherwise;
}

int run(std::span<char*> words) {
  const std::string command = words.size() > 4 ? words[1] : "";
  if (command == "fill") {
    const std::uint64_t millions = number(words, 4);
    const std::uint64_t object_bytes = number(words, 5, kOrdinaryBytes);
    if (millions > 0 && object_bytes > 0)
      return fill(load_vault(words[2], 0), words[3], millions * kMillion, object_bytes);
  }
  if (command == "ask") {
    const std::uint64_t millions = number(words, 3);
    const std::uint64_t questions = number(words, 4);
    const std::uint64_t ids = number(words, 5, kOrdinaryIds);
    if (millions > 0 && questions > 0 && ids > 0 && ids <= daemon::kMaxIdsPerMessage)
      return measure(load_vault(words[2], 0), millions * kMillion, questions, ids);
  }
  std::fprintf(stderr,
               "usage: %s fill FOLDER DATA MILLIONS [OBJECT_BYTES] | ask FOLDER MILLIONS QUESTIONS [IDS] < CODE\n",
               words[0]);
  return 2;
}

}  // namespace
}  // namespace beffroi::bench

int main(int argc, char** argv) {
  try {
    return beffroi::bench::run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return EXIT_FAILURE;
  }
}
