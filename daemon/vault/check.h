// Verifies snapshots: commits, receipts, that every tree's closure is present; with data, that everything opens,
// decompresses and has the digest its reference says.
#pragma once

#include <functional>

#include "daemon/service/progress.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon {

struct CheckReport {
  std::uint64_t snapshots = 0, objects = 0, files = 0;
  std::uint64_t snapshots_not_sent = 0;  ///< at a peer: left out, as it has not confirmed them
  std::uint64_t snapshots_gone = 0;      ///< while they were checked, by the rules or a deletion: left out
  std::uint64_t bytes = 0;               ///< of files, opened and compared
  /// Sealed contents that were looked up in the local store's tables, not opened: what is here, and what only the peer
  /// has. 0 where contents are not looked at at all (at a peer without read_data).
  std::uint64_t bytes_in_place = 0, bytes_elsewhere = 0;
  struct Damage {
    std::string snapshot;  ///< hexadecimal id; empty: it is no snapshot's
    std::string path;      ///< entry path, empty for a tree or commit
    Error error;
  };
  std::vector<Damage> damages;  ///< the first 1,000
  std::uint64_t damages_total = 0;
};
/// `source`: vault.local_source(), or the peer. Newest snapshot first; what several snapshots share is looked at once.
/// Damaged objects of the local store are quarantined: the next backup stores their content anew. Without `read_data`
/// the contents of files are only looked up in the local store's tables; at a peer only trees are read. Errors end the
/// check (cancelled, the peer unreachable); damages do not. `hear_what_went`, when given, is called before damages of a
/// snapshot are believed: it lets the vault know what went by now.
Result<CheckReport> check_vault(Vault& vault, std::shared_ptr<storage::ObjectSource> source, bool read_data,
                                Progress& progress, const std::function<void()>& hear_what_went = {});

}  // namespace beffroi::daemon
