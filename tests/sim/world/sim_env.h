// RocksDB's surroundings in a simulation: a SimDisk, a clock that stands still, and background jobs that run when the
// simulation says so, on its own thread.
#pragma once

#include <rocksdb/env.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "tests/sim/world/sim_disk.h"

namespace beffroi::sim {

class SimEnv final : public rocksdb::EnvWrapper {
 public:
  explicit SimEnv(std::shared_ptr<SimDisk> disk);
  ~SimEnv() override;
  const char* Name() const override { return "SimEnv"; }
  SimDisk& disk() { return *disk_; }

  /// Runs what RocksDB wants done in the background, and what comes of it. Not from inside of RocksDB.
  void run_background();

  /// While one lives, jobs run on a thread of their own: for calls that wait for them (Database::compact(), flush()).
  class WithThread {
   public:
    explicit WithThread(SimEnv& env);
    ~WithThread();
    WithThread(const WithThread&) = delete;
    WithThread& operator=(const WithThread&) = delete;

   private:
    void run();
    SimEnv& env_;
    bool ended_ = false;
    std::thread thread_;
  };

  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unscheduled)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    Priority priority;
    void* tag;
    void (*unscheduled)(void*);
  };
  std::shared_ptr<SimDisk> disk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
};

}  // namespace beffroi::sim
