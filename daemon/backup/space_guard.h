// Keeps a backup within the limits of its store: evicts what the peer has, and stops with one sentence when that does
// not suffice.
#pragma once

#include <mutex>

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// The disk is looked at each time this much was written.
inline constexpr std::uint64_t kSpaceCheckBytes = 64ULL * 1024 * 1024;

/// Thread-safe.
class SpaceGuard {
 public:
  SpaceGuard(Vault& vault, const storage::StoreLimits& limits) : vault_(vault), limits_(limits) {}
  /// Makes room for kSpaceCheckBytes. disk_full when there is none.
  Result<void> make_room();
  /// Counts bytes that were written and makes room now and then.
  Result<void> wrote(std::uint64_t bytes);

 private:
  Vault& vault_;
  const storage::StoreLimits limits_;
  std::mutex mutex_;
  std::uint64_t since_check_ = 0;
};

}  // namespace beffroi::daemon
