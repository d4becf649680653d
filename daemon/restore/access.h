// May this caller read what a snapshot holds? Answered from the modes and ACLs that were backed up: who could not have
// read a file then does not read it now.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/restore/restore_stream.h"

namespace beffroi::daemon {

/// What the system calls the caller's user and groups; without a name for those that it knows none for.
struct AccountNames {
  std::string user;
  std::map<gid_t, std::string> groups;
};
AccountNames account_names(uid_t uid, const std::vector<gid_t>& gids);

/// Who asks.
struct ReadRights {
  uid_t uid = 0;
  std::vector<gid_t> gids;  ///< all of them, the first one included
  bool is_admin = false;
  /// For the snapshots of another device, on which the same numbers may be other people's: an owner or group counts
  /// only when the recorded name is the caller's as well, and lines of an ACL for named users and groups grant nothing
  /// (each withholds what it does not grant: it may have been meant for the caller).
  std::optional<AccountNames> names = {};
};

/// Bits as in a mode: 4 read, 1 search. From the entry's owner, group, mode and POSIX ACL (acl(5): owner, named users,
/// groups under the mask, others). A malformed ACL grants nothing but to the owner.
unsigned permissions_of(const storage::Entry& entry, const ReadRights& who);

/// True for entries that `who` could have read, every folder above them being searchable: for a folder and a file the
/// right to read it, for the others the right to see them. The folder that an entry is in must be readable as well,
/// unless the entry's path is in `named`: the caller knew it, and nobody told him. To be asked in path order, once per
/// entry; what it is asked about stands below the folders that it was asked about before, or is looked up in the tree
/// of `root`. `opener` is copied. Errors of looking up count as no.
EntryFilter make_access_filter(const storage::ObjectOpener& opener, const storage::ObjectId& root, ReadRights who,
                               std::set<std::string> named = {});

}  // namespace beffroi::daemon
