#include "daemon/backup/space_guard.h"

namespace beffroi::daemon {

Result<void> SpaceGuard::make_room() {
  const std::lock_guard lock(mutex_);
  since_check_ = 0;
  BEFFROI_TRY(const auto before, storage::measure_disk(vault_.database()));
  const std::uint64_t excess = storage::excess_bytes(limits_, before, kSpaceCheckBytes);
  if (excess == 0) return {};
  BEFFROI_TRY(const std::uint64_t freed,
              storage::evict_receipted(vault_.database(), vault_.objects(), vault_.space(), excess));
  if (freed >= excess) return {};
  BEFFROI_TRY(const auto after, storage::measure_disk(vault_.database()));
  if (storage::excess_bytes(limits_, after, kSpaceCheckBytes) == 0) return {};
  return fail(ErrorCode::disk_full,
              N_("The disk is full: {} has no room within its limits. Nothing was lost; make room or let the station "
                 "send to its peer, then back up again."),
              vault_.database().folder());
}

Result<void> SpaceGuard::wrote(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    since_check_ += bytes;
    if (since_check_ < kSpaceCheckBytes) return {};
  }
  return make_room();
}

}  // namespace beffroi::daemon
