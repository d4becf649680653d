#include "storage/space/deletion_wait.h"

namespace beffroi::storage {

std::uint32_t deletion_wait_days(const SpaceLog& log) {
  std::uint32_t out = RetentionBody{}.lock_days;
  for (const auto& [position, rule] : log.retentions()) out = std::max(out, rule.lock_days);
  return out;
}

}  // namespace beffroi::storage
