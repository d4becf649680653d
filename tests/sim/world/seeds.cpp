#include "tests/sim/world/seeds.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "crypto/assert.h"
#include "tests/sim/world/planted_faults.h"
#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {
namespace {

// A seed takes a second at most, on a machine that nobody else needs; whatever is much slower waits for something that
// does not come.
constexpr unsigned kHangSeconds = 600;

// In memory if possible: key files are synced when they are written.
class Folder {
 public:
  Folder() {
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    name += "/beffroi-sim-XXXXXX";
    BEFFROI_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Outcome {
  std::uint64_t fingerprint = 0;
  std::string violation;
};

Outcome run_once(std::uint64_t seed, bool trace, RunTotals& totals) {
  const Folder folder;
  forget_presence();
  SimWorld world(seed, folder.path(), trace);
  world.run();
  totals.receipts += world.receipts();
  totals.restored += world.restored();
  for (const auto& [name, times] : world.faults()) totals.faults[name] += times;
  return {world.fingerprint(), world.violations().empty() ? "" : world.violations().front()};
}

// Lines to the parent: "B seed", "V seed what", "F times name", "R seeds receipts restored".
void work(const RunOptions& options, std::size_t number, std::FILE* out) {
  RunTotals totals;
  for (std::uint64_t seed = options.seeds.first + number; seed <= options.seeds.last; seed += options.jobs) {
    std::fprintf(out, "B %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(out);
    ::alarm(kHangSeconds);
    Outcome outcome = run_once(seed, options.trace, totals);
    ++totals.seeds;
    if (options.twice && outcome.violation.empty() && run_once(seed, false, totals).fingerprint != outcome.fingerprint)
      outcome.violation = "it went another way the second time";
    if (outcome.violation.empty()) continue;
    std::fprintf(out, "V %llu %s\n", static_cast<unsigned long long>(seed), outcome.violation.c_str());
    std::fflush(out);
    if (options.stop_early) break;
  }
  for (const auto& [name, times] : totals.faults)
    std::fprintf(out, "F %llu %s\n", static_cast<unsigned long long>(times), name.c_str());
  std::fprintf(out, "R %llu %llu %llu\n", static_cast<unsigned long long>(totals.seeds),
               static_cast<unsigned long long>(totals.receipts), static_cast<unsigned long long>(totals.restored));
  std::fflush(out);
}

struct Worker {
  pid_t process = 0;
  int pipe = -1;
  std::string buffer;
  std::uint64_t seed = 0;
  bool reported = false;
  bool failed = false;
  bool stopped = false;  ///< by us, because another one has failed
};

void take_line(Worker& worker, const std::string& line, RunTotals& totals) {
  std::istringstream in(line.substr(1));
  std::uint64_t number = 0;
  in >> number;
  std::string rest;
  if (line[0] == 'B') worker.seed = number;
  if (line[0] == 'V' || line[0] == 'F') std::getline(in >> std::ws, rest);
  if (line[0] == 'V') {
    totals.failed.push_back({number, rest});
    worker.failed = true;
  }
  if (line[0] == 'F') totals.faults[rest] += number;
  if (line[0] != 'R') return;
  std::uint64_t receipts = 0, restored = 0;
  in >> receipts >> restored;
  totals.seeds += number;
  totals.receipts += receipts;
  totals.restored += restored;
  worker.reported = true;
}

// False at the end of the pipe.
bool take_bytes(Worker& worker, RunTotals& totals) {
  std::array<char, 4096> bytes{};
  const ssize_t count = ::read(worker.pipe, bytes.data(), bytes.size());
  if (count <= 0) return false;
  worker.buffer.append(bytes.data(), static_cast<std::size_t>(count));
  for (std::size_t end = worker.buffer.find('\n'); end != std::string::npos; end = worker.buffer.find('\n')) {
    take_line(worker, worker.buffer.substr(0, end), totals);
    worker.buffer.erase(0, end + 1);
  }
  return true;
}

Worker start(const RunOptions& options, std::size_t number) {
  std::array<int, 2> ends{};
  BEFFROI_ASSERT(::pipe(ends.data()) == 0);
  Worker out;
  std::fflush(stdout);
  out.process = ::fork();
  BEFFROI_ASSERT(out.process >= 0);
  if (out.process == 0) {
    ::close(ends[0]);
    std::FILE* pipe = ::fdopen(ends[1], "w");
    work(options, number, pipe);
    std::fflush(stdout);
    std::_Exit(0);
  }
  ::close(ends[1]);
  out.pipe = ends[0];
  return out;
}

void finish(Worker& worker, RunTotals& totals) {
  ::close(worker.pipe);
  int status = 0;
  ::waitpid(worker.process, &status, 0);
  if (worker.reported || worker.stopped) return;
  const std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "an exit";
  totals.failed.push_back({worker.seed, "the process ended with " + how});
}

}  // namespace

RunTotals run_seeds(const RunOptions& options) {
  RunTotals totals;
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < options.jobs; ++i) workers.push_back(start(options, i));
  while (!workers.empty()) {
    std::vector<pollfd> waiting;
    for (const Worker& worker : workers) waiting.push_back({worker.pipe, POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), -1);
    for (std::size_t i = workers.size(); i-- > 0;) {
      if (waiting[i].revents == 0 || take_bytes(workers[i], totals)) continue;
      finish(workers[i], totals);
      workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (Worker& worker : workers) {
      if (!options.stop_early || totals.failed.empty() || worker.failed || worker.stopped) continue;
      worker.stopped = true;
      ::kill(worker.process, SIGTERM);
    }
  }
  return totals;
}

}  // namespace beffroi::sim
