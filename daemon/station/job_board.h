// What a station is doing: one long job that changes things at a time (backup, push, recovery, collection); checks,
// listings and restores beside it, in bounded number.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "crypto/result.h"
#include "daemon/service/progress.h"

namespace beffroi::daemon {

enum class JobKind : std::uint8_t { backup, sync, recover, collect, check, look };
/// "backup", "sync", "recover", "collect", "check", "look".
const char* job_name(JobKind kind);

/// Checks, listings and restores that run at once.
inline constexpr std::size_t kMaxLooks = 8;

class JobBoard;

/// A job that is running, until it is destroyed.
class Job {
 public:
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job();
  /// Its cancel flag is set when the daemon ends.
  const std::shared_ptr<Progress>& progress() const { return progress_; }

 private:
  friend class JobBoard;
  Job(JobBoard* board, std::uint64_t number, std::shared_ptr<Progress> progress)
      : board_(board), number_(number), progress_(std::move(progress)) {}
  JobBoard* board_;
  std::uint64_t number_;
  std::shared_ptr<Progress> progress_;
};

/// Thread-safe. Outlives its jobs.
class JobBoard {
 public:
  /// ErrorCode::busy, with a sentence that names what runs, when the job may not run now; cancelled when the daemon is
  /// ending.
  Result<std::shared_ptr<Job>> begin(JobKind kind);
  struct Running {
    JobKind kind;
    std::shared_ptr<Progress> progress;
  };
  /// The job that people want to hear of: an exclusive one, else a check.
  std::optional<Running> running() const;
  std::size_t count() const;
  /// Sets every cancel flag; nothing begins any more.
  void cancel_all();

 private:
  friend class Job;
  void end(std::uint64_t number);
  struct Entry {
    std::uint64_t number;
    JobKind kind;
    std::shared_ptr<Progress> progress;
  };
  mutable std::mutex mutex_;
  std::list<Entry> entries_;
  std::uint64_t next_number_ = 1;
  bool ending_ = false;
};

}  // namespace beffroi::daemon
