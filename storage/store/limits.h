// Keeping the local store within its limits: receipted chunks are evicted, oldest first; trees and what has no receipt
// never are.
#pragma once

#include "storage/store/object_store.h"

namespace beffroi::storage {

struct StoreLimits {
  std::optional<std::uint64_t> max_bytes;       ///< store.max_size
  std::uint32_t min_free_percent = 10;          ///< store.min_free as a share of the disk…
  std::optional<std::uint64_t> min_free_bytes;  ///< …or as bytes
};

/// The disk as the limits see it; a seam so that tests can be small.
struct DiskUsage {
  std::uint64_t store_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t free_bytes = 0;
};
Result<DiskUsage> measure_disk(const Database& database);

/// Bytes that must go to be within the limits with `reserve` more to come; 0 when there is room.
std::uint64_t excess_bytes(const StoreLimits& limits, const DiskUsage& usage, std::uint64_t reserve);

/// Evicts receipted chunks and bundles, oldest epoch and insertion first, until `bytes` are given back or none is left.
/// Returns the sealed bytes evicted; compacts when there are any, and the disk gets at least two thirds of them back at
/// once (see Database::compact). Crash-safe: eviction only drops bytes that a receipt covers.
Result<std::uint64_t> evict_receipted(Database& database, ObjectStore& store, const SpaceId& space,
                                      std::uint64_t bytes);

}  // namespace beffroi::storage
