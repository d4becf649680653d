// A store with very many objects: how quick it fills, what it takes in memory and on the disk, and how quick it answers
// then. Bytes and ids are invented; the store doesn't look into them.
//
//   beffroi_many_objects FOLDER MILLIONS [OBJECT_BYTES]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "crypto/hash.h"
#include "storage/store/object_store.h"
#include "tests/bench/bench_data.h"

namespace beffroi::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::size_t kBatch = 2000;
constexpr int kQuestions = 100'000;
constexpr std::uint64_t kAbsent = std::uint64_t{1} << 40;  // numbers of objects that are not there

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

/// MiB, of /proc/self/status.
double memory_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::strtod(line.c_str() + field.size() + 1, nullptr) / 1024;
  return 0;
}

double folder_mib(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder))
    if (file.is_regular_file()) bytes += file.file_size();
  return static_cast<double>(bytes) / (1024 * 1024);
}

storage::ObjectId id_of(std::uint64_t number) {
  std::array<std::uint8_t, 8> text{};
  put_le64(text.data(), number);
  return {crypto::hash256(crypto::labels::local_file, text)};
}

struct Store {
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<storage::ObjectStore> objects;
  explicit Store(const std::string& folder)
      : database(storage::Database::open(folder).value()), objects(storage::make_object_store(*database)) {}
};

void fill(Store& store, const storage::SpaceId& space, std::uint64_t count, std::size_t object_bytes,
          const std::string& folder) {
  const Bytes bytes = incompressible(object_bytes + kBatch);
  const auto began = Clock::now();
  auto lap = began;
  std::vector<storage::IncomingObject> batch;
  storage::ObjectHeader header;
  header.kind = storage::ObjectKind::chunk;
  header.space = space;
  header.epoch = {1};
  for (std::uint64_t number = 0; number < count; ++number) {
    batch.push_back(
        {.id = id_of(number), .header = header, .bytes = ByteView(bytes).subspan(number % kBatch, object_bytes)});
    if (batch.size() == kBatch || number + 1 == count) {
      store.objects->put(space, batch).value();
      batch.clear();
    }
    if ((number + 1) % kMillion == 0)
      std::printf("%4llu million: %6.1f s for the last, %5.0f MiB in memory, %5.0f at most, %7.0f MiB on disk\n",
                  static_cast<unsigned long long>((number + 1) / kMillion),
                  seconds_since(std::exchange(lap, Clock::now())), memory_mib("VmRSS"), memory_mib("VmHWM"),
                  folder_mib(folder));
    std::fflush(stdout);
  }
  store.objects->sync().value();
  std::printf("filled in %.1f s\n", seconds_since(began));
}

void ask(const char* what, const std::function<bool(std::uint64_t)>& question, std::uint64_t count) {
  crypto::SeededRandom random(4);
  const auto began = Clock::now();
  int yes = 0;
  for (int i = 0; i < kQuestions; ++i) yes += question(random.below(count)) ? 1 : 0;
  std::printf("%-28s %6.1f us each, %d of %d there, %5.0f MiB in memory\n", what,
              seconds_since(began) * 1e6 / kQuestions, yes, kQuestions, memory_mib("VmRSS"));
}

int run(const std::string& folder, std::uint64_t millions, std::size_t object_bytes) {
  const storage::SpaceId space{};
  const std::uint64_t count = millions * kMillion;
  {
    Store store(folder);
    fill(store, space, count, object_bytes, folder);
  }
  const auto began = Clock::now();
  Store store(folder);
  std::printf("opened in %.2f s, %.0f MiB in memory\n", seconds_since(began), memory_mib("VmRSS"));
  ask(
      "facts of what is there",
      [&](std::uint64_t i) { return store.objects->info(space, id_of(i)).value().has_value(); }, count);
  ask(
      "facts of what is not there",
      [&](std::uint64_t i) { return store.objects->info(space, id_of(kAbsent + i)).value().has_value(); }, count);
  ask("bytes", [&](std::uint64_t i) { return store.objects->get(space, id_of(i)).has_value(); }, count);
  const auto walked = Clock::now();
  std::uint64_t seen = 0;
  store.objects->iterate(space, [&](const auto&, const auto&) { return ++seen > 0; }).value();
  std::printf("%-28s %6.1f s, %llu objects, %5.0f MiB in memory, %5.0f at most\n", "walk over all",
              seconds_since(walked), static_cast<unsigned long long>(seen), memory_mib("VmRSS"), memory_mib("VmHWM"));
  return seen == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace beffroi::bench

int main(int argc, char** argv) {
  constexpr std::size_t kOrdinaryBytes = 300;
  const std::uint64_t millions = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const std::size_t object_bytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : kOrdinaryBytes;
  if (millions == 0 || object_bytes == 0) {
    std::fprintf(stderr, "usage: %s FOLDER MILLIONS [OBJECT_BYTES]\n", argv[0]);
    return 2;
  }
  return beffroi::bench::run(argv[1], millions, object_bytes);
}
