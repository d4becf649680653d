#include "daemon/service/progress.h"

#include "crypto/assert.h"

namespace beffroi::daemon {

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::idle:
      return "idle";
    case Phase::scanning:
      return "scanning";
    case Phase::reading:
      return "reading";
    case Phase::committing:
      return "committing";
    case Phase::pushing:
      return "pushing";
    case Phase::fetching:
      return "fetching";
    case Phase::checking:
      return "checking";
    case Phase::collecting:
      return "collecting";
    case Phase::done:
      return "done";
  }
  BEFFROI_ASSERT(false);
  return "";
}

void Progress::reset() {
  phase = Phase::idle;
  for (auto* counter : {&files_scanned, &files_total_estimate, &files_new, &files_changed, &files_unchanged, &errors,
                        &bytes_read, &bytes_added, &bytes_to_send, &bytes_sent, &wire_bytes_sent})
    *counter = 0;
  cancel = false;
}

}  // namespace beffroi::daemon
