// How much of the machine this thread may take from the people who work on it.
#pragma once

namespace beffroi::daemon {

/// While it lives, the thread that made it has the scheduler's class for batch work and the lowest priority of ordinary
/// input and output: whoever waits for an answer goes first, and an idle machine is used as a whole. What the system
/// refuses is left out. Made and destroyed by the same thread.
class LowPriority {
 public:
  LowPriority();
  ~LowPriority();
  LowPriority(const LowPriority&) = delete;
  LowPriority& operator=(const LowPriority&) = delete;

 private:
  int former_class_ = -1;
  int former_io_ = -1;
};

}  // namespace beffroi::daemon
