#include "daemon/api/snapshot_rights.h"

namespace beffroi::daemon {

ReadRights rights_in(const Vault& vault, const Snapshot& snapshot, const Caller& who) {
  ReadRights out{.uid = who.uid, .gids = who.gids, .is_admin = who.is_admin};
  if (!who.is_admin && snapshot.commit.clear.device != vault.device_id()) out.names = account_names(who.uid, who.gids);
  return out;
}

}  // namespace beffroi::daemon
