// Leases: a push's hold on garbage collection. Durable, outlive connections and restarts; end at their commit, or after
// 30 days of the peer's running time without contact (running time, not wall clock: a jump of the clock ends nothing).
#pragma once

#include <atomic>

#include "storage/store/database.h"

namespace beffroi::storage {

inline constexpr std::uint64_t kLeaseIdleSeconds = 30ULL * 24 * 3600;

struct Lease {
  LeaseId id;
  DeviceId device;
  std::uint64_t opened_at = 0;        ///< running-time seconds of the peer (RunningTime)
  std::uint64_t last_contact_at = 0;  ///< likewise
};

/// Thread-safe.
class LeaseStore {
 public:
  LeaseStore(Database& database, SpaceId space);
  Result<std::optional<Lease>> find(const LeaseId& id) const;
  Result<std::vector<Lease>> all() const;
  /// Open leases of one device are reused by a later push of the same device.
  Result<std::optional<Lease>> of_device(const DeviceId& device) const;
  void put(WriteBatch& batch, const Lease& lease) const;
  /// Pins ids (with their closures) under the lease: what it put, and what it was told that is there.
  void pin(WriteBatch& batch, const LeaseId& lease, std::span<const ObjectId> ids) const;
  /// In id order from `first` on; false stops.
  Result<void> for_each_pin(const LeaseId& lease, const ObjectId& first,
                            const std::function<bool(const ObjectId&)>& visit) const;
  /// Removes the lease and its pins, those put earlier in the batch among them: the batch of the commit that ends it.
  Result<void> end(WriteBatch& batch, const LeaseId& lease) const;
  /// Leases without contact for kLeaseIdleSeconds of running time.
  Result<std::vector<Lease>> expired(std::uint64_t running_seconds) const;

 private:
  Database& database_;
  SpaceId space_;
};

/// Seconds that this data folder's daemon has been running in all, kept across restarts; never goes backwards.
/// Thread-safe.
class RunningTime {
 public:
  /// Throws std::runtime_error when what is kept cannot be read: to start from 0 would end leases too early.
  explicit RunningTime(Database& database);
  /// Adds monotonic seconds since the last call and persists (buffered). Called about once a minute.
  Result<void> add(std::uint64_t seconds);
  std::uint64_t seconds() const;

 private:
  Database& database_;
  std::atomic<std::uint64_t> seconds_ = 0;
};

}  // namespace beffroi::storage
