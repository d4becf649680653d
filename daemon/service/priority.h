// How much of the machine this thread may take from the people who work on it.
#pragma once

#include <cstdint>

namespace beffroi::daemon {

enum class Priority : std::uint8_t {
  low,   ///< the scheduler's class for batch work, and the lowest priority of ordinary input and output: whoever waits
         ///< for an answer goes first, and an idle machine is used as a whole
  idle,  ///< what nobody else wants. Only for threads that end with their work: there may be no way back
};

/// While it lives, the thread that made it has this priority. What the system refuses is left out. Made and destroyed
/// by the same thread.
class LowPriority {
 public:
  explicit LowPriority(Priority priority = Priority::low);
  ~LowPriority();
  LowPriority(const LowPriority&) = delete;
  LowPriority& operator=(const LowPriority&) = delete;

 private:
  int former_class_ = -1;
  int former_io_ = -1;
};

}  // namespace beffroi::daemon
