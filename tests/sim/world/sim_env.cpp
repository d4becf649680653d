#include "tests/sim/world/sim_env.h"

#include <rocksdb/system_clock.h>

#include <optional>

#include "crypto/assert.h"

namespace beffroi::sim {
namespace {

// No time passes for RocksDB: neither its decisions nor its files may depend on the machine. (Its timers wait for a
// time far ahead instead of turning round and round.)
class StoppedClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "StoppedClock"; }
  std::uint64_t NowMicros() override { return kMicros; }
  std::uint64_t NowNanos() override { return kMicros * 1000; }
  void SleepForMicroseconds(int) override {}
  rocksdb::Status GetCurrentTime(std::int64_t* seconds) override {
    *seconds = static_cast<std::int64_t>(kMicros / 1'000'000);
    return rocksdb::Status::OK();
  }

 private:
  static constexpr std::uint64_t kMicros = 4'000'000'000'000'000;
};

}  // namespace

SimEnv::SimEnv(std::shared_ptr<SimDisk> disk) : EnvWrapper(rocksdb::NewCompositeEnv(disk)), disk_(std::move(disk)) {
  file_system_ = disk_;
  system_clock_ = std::make_shared<StoppedClock>(rocksdb::SystemClock::Default());
}

SimEnv::~SimEnv() { BEFFROI_ASSERT(jobs_.empty()); }

void SimEnv::Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                      void (*unscheduled)(void*)) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({function, argument, priority, tag, unscheduled});
  changed_.notify_all();
}

int SimEnv::UnSchedule(void* tag, Priority priority) {
  std::deque<Job> taken;
  {
    const std::lock_guard lock(mutex_);
    std::deque<Job> rest;
    for (const Job& job : jobs_) (job.tag == tag && job.priority == priority ? taken : rest).push_back(job);
    jobs_ = std::move(rest);
  }
  for (const Job& job : taken)
    if (job.unscheduled != nullptr) job.unscheduled(job.argument);
  return static_cast<int>(taken.size());
}

void SimEnv::run_background() {
  while (true) {
    std::optional<Job> job;
    {
      const std::lock_guard lock(mutex_);
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    job->function(job->argument);
  }
}

SimEnv::WithThread::WithThread(SimEnv& env) : env_(env), thread_([this] { run(); }) {}

SimEnv::WithThread::~WithThread() {
  {
    const std::lock_guard lock(env_.mutex_);
    ended_ = true;
    env_.changed_.notify_all();
  }
  thread_.join();
}

void SimEnv::WithThread::run() {
  std::unique_lock lock(env_.mutex_);
  while (true) {
    env_.changed_.wait(lock, [this] { return ended_ || !env_.jobs_.empty(); });
    if (ended_) return;
    const Job job = env_.jobs_.front();
    env_.jobs_.pop_front();
    lock.unlock();
    job.function(job.argument);
    lock.lock();
  }
}

}  // namespace beffroi::sim
