#include "storage/store/limits.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <system_error>

namespace beffroi::storage {
namespace {

// Bounds what is held in memory. Not small: each look at the list steps over the marks of what was evicted before.
constexpr std::size_t kIdsPerEviction = 65'536;

std::uint64_t over(std::uint64_t value, std::uint64_t limit) { return value > limit ? value - limit : 0; }
std::uint64_t sum(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

struct Victims {
  std::vector<ObjectId> ids;
  std::uint64_t bytes = 0;
};

Result<Victims> oldest_victims(ObjectStore& store, const SpaceId& space, std::uint64_t bytes) {
  Victims out;
  BEFFROI_CHECK(store.for_each_evictable(space, [&](const ObjectId& id, const ObjectInfo& info) {
    out.ids.push_back(id);
    out.bytes += info.sealed_bytes;
    return out.bytes < bytes && out.ids.size() < kIdsPerEviction;
  }));
  return out;
}

}  // namespace

Result<DiskUsage> measure_disk(const Database& database) {
  struct statvfs disk{};
  if (statvfs(database.folder().c_str(), &disk) != 0)
    return fail(ErrorCode::io, N_("The free space of {} cannot be read: {}."), database.folder(),
                std::generic_category().message(errno));
  const auto block = static_cast<std::uint64_t>(disk.f_frsize);
  return DiskUsage{
      .store_bytes = database.disk_bytes(), .disk_bytes = disk.f_blocks * block, .free_bytes = disk.f_bavail * block};
}

std::uint64_t excess_bytes(const StoreLimits& limits, const DiskUsage& usage, std::uint64_t reserve) {
  const std::uint64_t min_free = limits.min_free_bytes.value_or(usage.disk_bytes / 100 * limits.min_free_percent);
  const std::uint64_t too_little_free = over(sum(min_free, reserve), usage.free_bytes);
  if (!limits.max_bytes) return too_little_free;
  return std::max(too_little_free, over(sum(usage.store_bytes, reserve), *limits.max_bytes));
}

Result<std::uint64_t> evict_receipted(Database& database, ObjectStore& store, const SpaceId& space,
                                      std::uint64_t bytes) {
  std::uint64_t evicted = 0;
  while (evicted < bytes) {
    BEFFROI_TRY(const Victims victims, oldest_victims(store, space, bytes - evicted));
    if (victims.ids.empty()) break;
    BEFFROI_CHECK(store.evict(space, victims.ids));
    evicted += victims.bytes;
  }
  // Once, at the end: that is when the disk gets its room back.
  if (evicted > 0) BEFFROI_CHECK(database.compact());
  return evicted;
}

}  // namespace beffroi::storage
