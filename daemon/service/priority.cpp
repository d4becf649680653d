#include "daemon/service/priority.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beffroi::daemon {
namespace {

// linux/ioprio.h, which is no C++: the class of ordinary work ("best effort"), and the last of its eight levels. (In
// the idle class it may never come to its turn on a busy disk, and a backup must end: that is for who asks for it.)
constexpr int kWhoThread = 1;
constexpr int kClassShift = 13;
constexpr int kLowestOrdinary = (2 << kClassShift) | 7;
constexpr int kIdleClass = 3;

bool set_class(int scheduler_class) {
  const sched_param parameters{};  // 0, the only one that these classes have
  return ::sched_setscheduler(0, scheduler_class, &parameters) == 0;
}

// No function of the C library does this. 0: the calling thread.
int io_priority() { return static_cast<int>(::syscall(SYS_ioprio_get, kWhoThread, 0)); }
bool set_io_priority(int priority) { return ::syscall(SYS_ioprio_set, kWhoThread, 0, priority) == 0; }

}  // namespace

LowPriority::LowPriority(Priority priority) {
  const int now = ::sched_getscheduler(0);
  if (now == SCHED_OTHER && set_class(priority == Priority::idle ? SCHED_IDLE : SCHED_BATCH)) former_class_ = now;
  const int io = io_priority();
  // Whoever runs the daemon in the idle class means it.
  if (io >= 0 && (io >> kClassShift) != kIdleClass &&
      set_io_priority(priority == Priority::idle ? kIdleClass << kClassShift : kLowestOrdinary))
    former_io_ = io;
}

LowPriority::~LowPriority() {
  if (former_class_ >= 0) set_class(former_class_);
  if (former_io_ >= 0) set_io_priority(former_io_);
}

}  // namespace beffroi::daemon
