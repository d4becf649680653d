#include "daemon/service/clock.h"

namespace beffroi::daemon {
namespace {

class MachineClock final : public Clock {
 public:
  storage::UnixTime now() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::seconds>(since).count()};
  }
  std::chrono::milliseconds now_ms() override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  }
  std::chrono::milliseconds monotonic() override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
  }
};

}  // namespace

Clock& system_clock() {
  static MachineClock clock;
  return clock;
}

}  // namespace beffroi::daemon
