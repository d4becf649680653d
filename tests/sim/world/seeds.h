// Runs seeds, one after the other in each of several processes: one that dies takes no other seed with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace beffroi::sim {

struct SeedRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// What became of a seed that did not pass.
struct FailedSeed {
  std::uint64_t seed = 0;
  std::string what;
};

struct RunTotals {
  std::uint64_t seeds = 0;
  std::uint64_t receipts = 0;
  std::uint64_t restored = 0;  ///< snapshots that were read back with nothing but the kit
  std::map<std::string, std::uint64_t> faults;
  std::vector<FailedSeed> failed;
};

struct RunOptions {
  SeedRange seeds;
  std::size_t jobs = 1;
  bool trace = false;
  bool twice = false;      ///< each seed must go the same way a second time
  bool stop_early = true;  ///< at the first failure
};

RunTotals run_seeds(const RunOptions& options);

}  // namespace beffroi::sim
