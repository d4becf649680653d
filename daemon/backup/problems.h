// What could not be read in one backup: the first ones by name, all of them by number.
#pragma once

#include <mutex>

#include "daemon/service/progress.h"
#include "storage/space/commit.h"

namespace beffroi::daemon {

/// Thread-safe.
class ProblemList {
 public:
  explicit ProblemList(Progress& progress) : progress_(progress) {}
  void add(const std::string& entry_path, const Error& reason) {
    const std::lock_guard lock(mutex_);
    ++total_;
    // Without a path it is the last snapshot's tree that could not be read.
    if (reason.code == ErrorCode::corrupt || entry_path.empty()) ++damages_;
    ++progress_.errors;
    if (problems_.size() < storage::kMaxProblems) problems_.push_back({entry_path, reason.text, reason.args});
  }
  std::vector<storage::CommitProblem> first() const {
    const std::lock_guard lock(mutex_);
    return problems_;
  }
  /// Those that are damage of the local store, not of what is backed up.
  std::uint64_t damages() const {
    const std::lock_guard lock(mutex_);
    return damages_;
  }
  std::uint64_t total() const {
    const std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  Progress& progress_;
  mutable std::mutex mutex_;
  std::vector<storage::CommitProblem> problems_;
  std::uint64_t total_ = 0;
  std::uint64_t damages_ = 0;
};

}  // namespace beffroi::daemon
