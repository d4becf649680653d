// Who is at the other end of the Unix socket, as the kernel says it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace beffroi::daemon {

struct Caller {
  uid_t uid = 0;
  std::vector<gid_t> gids;  ///< primary and supplementary, of the process that connected
  bool is_admin = false;    ///< root, the daemon's own user, or in the admin group
};

/// Asks SO_PEERCRED and SO_PEERGROUPS. A caller that the kernel can't name is nobody: uid 65534, no groups, no admin.
Caller identify_caller(int socket, const std::string& admin_group);

/// "operator jean (1000)", for the audit log; without the name when the system has none. May ask a directory service.
std::string operator_name(const Caller& caller);

}  // namespace beffroi::daemon
