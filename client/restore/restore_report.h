// What a restore did, for the person and for JSON.
#pragma once

#include <string>
#include <vector>

#include "crypto/result.h"

namespace beffroi::client {

struct RestoreProblem {
  std::string path;  ///< as people see it
  Error error;
};

struct RestoreReport {
  std::uint64_t entries = 0;                                    ///< that the snapshot gave
  std::uint64_t files = 0, folders = 0, others = 0, bytes = 0;  ///< written; hard links count as files
  std::uint64_t left = 0;                                       ///< were there already and were left as they were
  std::vector<std::string> left_paths;                          ///< the first kMaxNamed
  std::uint64_t owners_kept = 0, set_id_dropped = 0, attributes_lost = 0;
  std::uint64_t problems_total = 0;
  std::uint64_t damaged = 0;             ///< of the problems: content that the store could not give
  std::vector<RestoreProblem> problems;  ///< the first kMaxNamed

  static constexpr std::size_t kMaxNamed = 1000;

  void add_left(const std::string& path) {
    if (++left <= kMaxNamed) left_paths.push_back(path);
  }
  void add_problem(const std::string& path, Error error) {
    if (++problems_total <= kMaxNamed) problems.push_back({path, std::move(error)});
  }
};

}  // namespace beffroi::client
