#include "daemon/backup/space_guard.h"

namespace beffroi::daemon {

namespace {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U); }

/// What the peer has was evicted already: waiting for it helps nobody whose first snapshot does not fit.
std::unexpected<Error> full(const storage::StoreLimits& limits, const storage::DiskUsage& usage,
                            const std::string& folder) {
  const bool by_size = limits.max_bytes && usage.store_bytes + kSpaceCheckBytes > *limits.max_bytes;
  if (by_size)
    return fail(
        ErrorCode::disk_full,
        N_("The store has {} MiB that are not at the peer yet, may take {} MiB (store.max_size), and needs {} MiB "
           "of room to go on. Raise that limit or back up less, then back up again."),
        mebibytes(usage.store_bytes), mebibytes(*limits.max_bytes), mebibytes(kSpaceCheckBytes));
  return fail(
      ErrorCode::disk_full,
      N_("The disk of {} is too full: {} MiB are free, and a part of it is kept free (store.min_free). Make room "
         "on it, then back up again."),
      folder, mebibytes(usage.free_bytes));
}

}  // namespace

Result<void> SpaceGuard::make_room() {
  const std::lock_guard lock(mutex_);
  since_check_ = 0;
  BEFFROI_TRY(const auto before, storage::measure_disk(vault_.database()));
  const std::uint64_t excess = storage::excess_bytes(limits_, before, kSpaceCheckBytes);
  if (excess == 0) return {};
  BEFFROI_TRY(const std::uint64_t freed, vault_.evict_receipted(excess));
  if (freed >= excess) return {};
  BEFFROI_TRY(const auto after, storage::measure_disk(vault_.database()));
  if (storage::excess_bytes(limits_, after, kSpaceCheckBytes) == 0) return {};
  return full(limits_, after, vault_.database().folder());
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
