// What a caller may read of a snapshot: numbers of users and groups are those of the machine that made it.
#pragma once

#include "daemon/api/caller.h"
#include "daemon/restore/access.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// With names to compare when another device made the snapshot: a fresh machine hands the same numbers out anew. Asks
/// the system's user database: for worker threads, or once per request.
ReadRights rights_in(const Vault& vault, const Snapshot& snapshot, const Caller& who);

}  // namespace beffroi::daemon
