// The clock seam: wall clock for what people read, monotonic time for deadlines. Tests inject their own.
#pragma once

#include <chrono>
#include <cstdint>

#include "storage/format/types.h"

namespace beffroi::daemon {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual storage::UnixTime now() = 0;
  /// The same, finer where the machine knows it.
  virtual std::chrono::milliseconds now_ms() { return std::chrono::seconds(now().seconds); }
  /// Never goes backwards; its zero means nothing.
  virtual std::chrono::milliseconds monotonic() = 0;
};
/// The machine's clocks. The only place outside tests that reads them.
Clock& system_clock();

class ManualClock final : public Clock {
 public:
  storage::UnixTime now() override { return {wall_s}; }
  std::chrono::milliseconds monotonic() override { return std::chrono::milliseconds(monotonic_ms); }
  /// Time goes by, for both clocks alike.
  void pass(std::int64_t seconds) {
    wall_s += seconds;
    monotonic_ms += seconds * 1000;
  }
  std::int64_t wall_s = 1'800'000'000;
  std::int64_t monotonic_ms = 0;
};

}  // namespace beffroi::daemon
