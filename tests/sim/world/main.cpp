// The simulation of peer and stations: see docs/reliability.md.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "tests/sim/world/planted_faults.h"
#include "tests/sim/world/seeds.h"

namespace {

using namespace beffroi::sim;

SeedRange parse_range(const std::string& text) {
  const std::size_t dots = text.find("..");
  SeedRange out;
  out.first = std::stoull(text.substr(0, dots));
  out.last = dots == std::string::npos ? out.first : std::stoull(text.substr(dots + 2));
  return out;
}

void print_replay(const char* program, const FailedSeed& failed, const std::string& plant) {
  std::printf("seed %llu: %s\n  replay: %s --seed %llu --trace%s%s\n", static_cast<unsigned long long>(failed.seed),
              failed.what.c_str(), program, static_cast<unsigned long long>(failed.seed),
              plant.empty() ? "" : " --plant ", plant.c_str());
}

void print_totals(const RunTotals& totals, double seconds) {
  std::printf("%llu seeds in %.0f s, %llu receipts, %llu snapshots read back with the kit, %zu failed\n",
              static_cast<unsigned long long>(totals.seeds), seconds, static_cast<unsigned long long>(totals.receipts),
              static_cast<unsigned long long>(totals.restored), totals.failed.size());
  for (const auto& [name, times] : totals.faults)
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
}

// Found is what is wanted here.
int judge_planted(const char* program, const RunTotals& totals, const RunOptions& options, const std::string& plant) {
  if (totals.failed.empty()) {
    std::printf("%s was NOT found in the seeds %llu to %llu\n", plant.c_str(),
                static_cast<unsigned long long>(options.seeds.first),
                static_cast<unsigned long long>(options.seeds.last));
    return 1;
  }
  const FailedSeed& found = totals.failed.front();
  std::printf("%s was found after %llu seeds\n", plant.c_str(),
              static_cast<unsigned long long>(found.seed - options.seeds.first + 1));
  print_replay(program, found, plant);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Simulates a peer and its stations: networks that break, machines that stop, disks that fail.");
  std::string seeds = "0..99";
  std::string plant;
  RunOptions options;
  std::uint64_t seed = 0;
  app.add_option("--seeds", seeds, "FROM..TO");
  auto* one = app.add_option("--seed", seed, "one seed");
  app.add_option("--jobs", options.jobs, "processes at a time")->check(CLI::Range(1, 64));
  app.add_flag("--trace", options.trace, "print what happens");
  app.add_flag("--twice", options.twice, "each seed must go the same way twice");
  app.add_flag("!--keep-going", options.stop_early, "go on after a failure");
  app.add_option("--plant", plant, "make this mistake, and fail unless it is found");
  CLI11_PARSE(app, argc, argv);
  options.seeds = one->count() > 0 ? SeedRange{seed, seed} : parse_range(seeds);
  if (!plant.empty()) {
    const auto fault = fault_of(plant);
    if (!fault) {
      std::printf("there is no planted fault %s\n", plant.c_str());
      return 2;
    }
    beffroi::sim::plant(*fault);
    options.jobs = 1;
  }
  spdlog::set_level(spdlog::level::off);
  const auto before = std::chrono::steady_clock::now();
  const RunTotals totals = run_seeds(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  print_totals(totals, took.count());
  if (!plant.empty()) return judge_planted(argv[0], totals, options, plant);
  for (const FailedSeed& failed : totals.failed) print_replay(argv[0], failed, plant);
  return totals.failed.empty() ? 0 : 1;
}
