// Owner, rights, attributes and times of one restored file, set through its descriptor: no name is looked up again, so
// nobody can put another file in its place meanwhile.
#pragma once

#include "client/restore/owners.h"
#include "storage/tree/entry.h"

namespace beffroi::client {

/// `path_only`: opened with O_PATH (symbolic links, fifos, devices, folders without read permission).
struct OpenedFile {
  int descriptor = -1;
  bool path_only = false;
};

struct MetadataOutcome {
  bool owner_kept = false;       ///< it belongs to the caller, not to whom it belonged
  bool set_id_dropped = false;   ///< set-user-id or set-group-id bits that would serve another owner
  bool attributes_lost = false;  ///< this file system, or the caller's rights, do not take some
  int error = 0;                 ///< errno of what else failed; 0: all is set
};

/// Order: owner (which clears bits and capabilities), attributes and ACLs, rights, times. ACLs inherited from the
/// folder above are removed. Unless `privileged`, set-id bits are dropped.
MetadataOutcome apply_metadata(OpenedFile file, const storage::Entry& entry, Owners& owners, bool privileged);

}  // namespace beffroi::client
