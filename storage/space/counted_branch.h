// What of a branch the rules of retention look at.
#pragma once

#include <algorithm>

#include "storage/space/retention.h"

namespace beffroi::storage {

/// The commits of a device's branch that count under this log: of a removed device those up to its last valid one. What
/// a thief adds behind it is no snapshot, is seen by no other device, and must not let the last one that counts look as
/// if there were a newer one. `branch` is ascending by sequence; what is given back lies in it.
inline std::span<const ReceiptedCommit> counted_branch(const SpaceLog& log, const DeviceId& device,
                                                       std::span<const ReceiptedCommit> branch) {
  const DeviceState* state = log.device(device);
  if (state == nullptr || !state->removed) return branch;
  const std::uint64_t last = state->last_valid_commit ? state->last_valid_sequence : 0;
  const auto end = std::ranges::upper_bound(branch, last, {}, &ReceiptedCommit::sequence);
  return branch.first(static_cast<std::size_t>(end - branch.begin()));
}

}  // namespace beffroi::storage
