// What the sessions of one peer share: threads in turn, memory within bounds.
#pragma once

#include "daemon/service/fair_pool.h"
#include "daemon/service/memory_budget.h"

namespace beffroi::daemon {

/// Frames on their way and what is made of them, of all sessions and of one organisation's. Beyond these bounds each
/// session has one frame and the batch that it is in at most.
inline constexpr std::size_t kSessionsMemoryBytes = 96U * 1024 * 1024;
inline constexpr std::size_t kOrganisationMemoryBytes = 24U * 1024 * 1024;

/// Lives on the protocol thread; the pool outlives it.
struct PeerShares {
  /// One thread of the pool, if it has several, is left to others than sessions; no organisation has more than half.
  explicit PeerShares(Pool& pool)
      : work(pool, {.all = pool.size() > 1 ? pool.size() - 1 : 1, .of_share = pool.size() > 1 ? pool.size() / 2 : 1}),
        memory({.all_bytes = kSessionsMemoryBytes, .share_bytes = kOrganisationMemoryBytes}) {}
  FairPool work;
  MemoryBudget memory;
};

}  // namespace beffroi::daemon
