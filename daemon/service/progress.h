// What long work says of itself while it runs: read by the API's status and by progress bars. Lock-free counters.
#pragma once

#include <atomic>
#include <cstdint>

namespace beffroi::daemon {

enum class Phase : std::uint8_t { idle, scanning, reading, committing, pushing, fetching, checking, collecting, done };
const char* phase_name(Phase phase);

struct Progress {
  std::atomic<Phase> phase{Phase::idle};
  std::atomic<std::uint64_t> files_scanned{0}, files_total_estimate{0};
  std::atomic<std::uint64_t> files_new{0}, files_changed{0}, files_unchanged{0}, errors{0};
  std::atomic<std::uint64_t> bytes_read{0}, bytes_added{0};
  std::atomic<std::uint64_t> bytes_to_send{0}, bytes_sent{0};
  std::atomic<std::uint64_t> wire_bytes_sent{0};  ///< of connections that have ended, everything counted
  std::atomic<bool> cancel{false};                ///< set by SIGTERM: the work stops at the next safe point
  void reset();
};

}  // namespace beffroi::daemon
