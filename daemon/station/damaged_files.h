// Which files of which snapshots are no longer whole when some objects are lost: what people must be told instead of
// ids.
#pragma once

#include <atomic>
#include <set>

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

inline constexpr std::size_t kMaxNamedFiles = 5;

struct DamagedFiles {
  std::uint64_t total = 0;         ///< files, and snapshots whose tree itself is damaged
  std::vector<std::string> first;  ///< at most kMaxNamedFiles: "/path (snapshot)", or "(snapshot)"
};

/// Looks through the trees of all snapshots, newest first, as far as the local store has them; a file is named once,
/// with the newest snapshot in which it is damaged. Reads no contents: the edges tell what a file is made of. Blocking,
/// long: reads every tree. cancelled when `cancel` is set.
Result<DamagedFiles> files_that_need(Vault& vault, const std::set<storage::ObjectId>& lost,
                                     const std::atomic<bool>& cancel);

}  // namespace beffroi::daemon
