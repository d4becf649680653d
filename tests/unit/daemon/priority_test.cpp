// Goal: a backup's threads give way as they were told to, and only they.
#include "daemon/service/priority.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/backup/work_queue.h"

namespace beffroi::daemon {
namespace {

struct Seen {
  int scheduler_class = -1;
  int io = -1;
};

// linux/ioprio.h: class and level of the calling thread.
Seen seen_here() { return {::sched_getscheduler(0), static_cast<int>(::syscall(SYS_ioprio_get, 1, 0))}; }

Seen seen_in_thread(Priority priority) {
  Seen out;
  WorkerThreads(1, [&] { out = seen_here(); }, priority).join();
  return out;
}

TEST(PriorityTest, LowIsBatchWorkBehindOrdinaryInputAndOutput) {
  const Seen seen = seen_in_thread(Priority::low);
  EXPECT_EQ(seen.scheduler_class, SCHED_BATCH);
  EXPECT_EQ(seen.io, (2 << 13) | 7);
}

TEST(PriorityTest, IdleIsWhatNobodyElseWants) {
  const Seen seen = seen_in_thread(Priority::idle);
  EXPECT_EQ(seen.scheduler_class, SCHED_IDLE);
  EXPECT_EQ(seen.io >> 13, 3);
}

TEST(PriorityTest, TheThreadHasItsOwnBackAfterwards) {
  const Seen before = seen_here();
  {
    const LowPriority low;
    EXPECT_NE(seen_here().scheduler_class, before.scheduler_class);
  }
  EXPECT_EQ(seen_here().scheduler_class, before.scheduler_class);
  EXPECT_EQ(seen_here().io, before.io);
}

}  // namespace
}  // namespace beffroi::daemon
