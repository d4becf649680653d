// A collection over a store of millions of objects, half of them garbage: seconds and memory of each step, the room
// that comes back, and how long questions about a thousand objects take. Bytes and ids are invented; the store doesn't
// look into them.
//
//   beffroi_collect FOLDER MILLIONS [OBJECT_BYTES [CACHE_MIB]]
//
// Chunks under leaves of at most 1,000, nodes of 10 leaves above; every second node is a root.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "crypto/hash.h"
#include "storage/store/collector.h"
#include "tests/bench/bench_data.h"

namespace beffroi::bench {
namespace {

/// Time of the processor for this thread: other work on the machine does not count.
struct ThreadClock {
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<ThreadClock, duration>;
  static time_point now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};
using Clock = std::chrono::steady_clock;
using storage::ObjectId;

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::size_t kChunksPerLeaf = 1000;
constexpr std::size_t kLeavesPerNode = 10;
constexpr std::size_t kUnlockedObjects = 10'000;
constexpr std::size_t kLockedObjects = 1000;
constexpr int kQuestions = 500;
constexpr std::size_t kIdsPerQuestion = 1000;
constexpr std::uint64_t kTrees = std::uint64_t{1} << 40;  // numbers of trees begin here

double seconds(auto duration) { return std::chrono::duration<double>(duration).count(); }

/// A stretch of time, on the wall and of this thread's work.
class Stopwatch {
 public:
  double wall() const { return seconds(Clock::now() - wall_began_); }
  double worked() const { return seconds(ThreadClock::now() - work_began_); }

 private:
  Clock::time_point wall_began_ = Clock::now();
  ThreadClock::time_point work_began_ = ThreadClock::now();
};

/// MiB, of /proc/self/status.
double memory_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::strtod(line.c_str() + field.size() + 1, nullptr) / 1024;
  return 0;
}

ObjectId id_of(std::uint64_t number) {
  std::array<std::uint8_t, 8> text{};
  put_le64(text.data(), number);
  return {crypto::hash256(crypto::labels::local_file, text)};
}

class Bench {
 public:
  Bench(const std::string& folder, std::uint64_t chunks, std::size_t object_bytes, std::size_t cache_mib)
      : chunks_(chunks), bytes_(incompressible(object_bytes)) {
    storage::DatabaseOptions options;
    if (cache_mib > 0) options.cache_bytes = cache_mib * 1024 * 1024;
    database_ = storage::Database::open(folder, options).value();
    objects_ = storage::make_object_store(*database_);
  }

  void run() {
    const Stopwatch filling;
    fill();
    say("filled", filling);
    compact();
    ask("before");
    collect();
    compact();
    ask("after");
  }

 private:
  void compact() {
    const Stopwatch compacting;
    database_->compact().value();
    say("compacted", compacting);
  }

  void say(const char* what, const Stopwatch& watch) const {
    std::printf("%-10s %7.1f s (%.1f of work), %5.0f MiB in memory, %5.0f at most, %7.0f MiB on disk\n", what,
                watch.wall(), watch.worked(), memory_mib("VmRSS"), memory_mib("VmHWM"),
                static_cast<double>(database_->disk_bytes()) / 1048576);
    std::fflush(stdout);
  }

  void add(const ObjectId& id, std::uint8_t height, std::vector<ObjectId> children) {
    std::ranges::sort(children);
    storage::ObjectHeader header;
    header.kind = height == 0 ? storage::ObjectKind::chunk : storage::ObjectKind::node;
    header.height = height;
    header.space = space_;
    header.epoch = {1};
    header.children = std::move(children);
    batch_.push_back({.id = id, .header = std::move(header), .bytes = bytes_});
    if (batch_.size() >= kChunksPerLeaf) put();
  }
  void put() {
    objects_->put(space_, batch_).value();
    batch_.clear();
  }

  void fill() {
    std::vector<ObjectId> chunks;
    std::vector<ObjectId> leaves;
    std::uint64_t trees = kTrees;
    for (std::uint64_t number = 0; number < chunks_; ++number) {
      chunks.push_back(id_of(number));
      add(chunks.back(), 0, {});
      if (chunks.size() < kChunksPerLeaf && number + 1 < chunks_) continue;
      leaves.push_back(id_of(trees++));
      add(leaves.back(), 1, std::exchange(chunks, {}));
      if (leaves.size() < kLeavesPerNode && number + 1 < chunks_) continue;
      const ObjectId node = id_of(trees++);
      add(node, 2, std::exchange(leaves, {}));
      if (++nodes_ % 2 == 0) roots_.push_back(node);
    }
    put();
    objects_->sync().value();
  }

  void ask(const char* when) {
    crypto::SeededRandom random(4);
    std::vector<double> ms;
    std::vector<double> work_ms;
    for (int i = 0; i < kQuestions; ++i) {
      std::vector<ObjectId> ids;
      for (std::size_t k = 0; k < kIdsPerQuestion; ++k) ids.push_back(id_of(random.below(chunks_)));
      const Stopwatch watch;
      objects_->info_many(space_, ids).value();
      ms.push_back(watch.wall() * 1000);
      work_ms.push_back(watch.worked() * 1000);
    }
    for (auto* times : {&ms, &work_ms}) {
      std::ranges::sort(*times);
      std::printf("1,000 facts %s, %s: %.1f ms median, %.1f p99, %.1f at most\n", when,
                  times == &ms ? "on the wall" : "of work", (*times)[times->size() / 2],
                  (*times)[times->size() * 99 / 100], times->back());
    }
  }

  void collect() {
    const Stopwatch marking;
    const auto collector = storage::Collector::begin(*objects_, space_, crypto::system_random()).value();
    collector->add_roots(roots_);
    while (!collector->wants_roots()) collector->advance_unlocked(kUnlockedObjects).value();
    collector->end_roots();
    say("marked", marking);
    const Stopwatch both;
    double sweeping = 0;
    double sweeping_work = 0;
    double longest = 0;
    while (!collector->is_done()) {
      collector->advance_unlocked(kUnlockedObjects).value();
      if (!collector->wants_lock()) continue;
      const Stopwatch step;
      collector->advance_locked(kLockedObjects).value();
      sweeping += step.wall();
      sweeping_work += step.worked();
      longest = std::max(longest, step.wall());
    }
    const auto counts = collector->counts();
    say("swept", both);
    std::printf("of which under the lock %.1f s (%.1f of work, longest step %.1f ms); ", sweeping, sweeping_work,
                longest * 1000);
    std::printf("%llu marked, %llu removed, %llu MiB\n", static_cast<unsigned long long>(counts.marked),
                static_cast<unsigned long long>(counts.removed),
                static_cast<unsigned long long>(counts.removed_bytes / 1048576));
  }

  const storage::SpaceId space_{};
  std::uint64_t chunks_;
  Bytes bytes_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::ObjectStore> objects_;
  std::vector<storage::IncomingObject> batch_;
  std::vector<ObjectId> roots_;
  std::uint64_t nodes_ = 0;
};

}  // namespace
}  // namespace beffroi::bench

int main(int argc, char** argv) {
  constexpr std::size_t kOrdinaryBytes = 300;
  const std::uint64_t millions = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const std::size_t object_bytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : kOrdinaryBytes;
  const std::size_t cache_mib = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 0;
  if (millions == 0 || object_bytes == 0) {
    std::fprintf(stderr, "usage: %s FOLDER MILLIONS [OBJECT_BYTES [CACHE_MIB]]\n", argv[0]);
    return 2;
  }
  beffroi::bench::Bench(argv[1], millions * beffroi::bench::kMillion, object_bytes, cache_mib).run();
  return EXIT_SUCCESS;
}
