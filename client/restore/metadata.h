// Owner, rights, attributes and times of one restored file, set through its descriptor: no name is looked up again, so
// nobody can put another file in its place meanwhile.
#pragma once

#include <sys/types.h>

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

/// Is what is open the new thing that this process has just made: of this type (bits of S_IFMT), `maker`'s, without
/// another name? Whoever owns the folder can put something else in its place before it is opened, and would have root
/// give that away. (Of a folder the caller must know besides which one it made.)
bool is_just_made(int descriptor, mode_t type, uid_t maker);

/// Order: owner (which clears bits and capabilities), attributes and ACLs, rights, times. ACLs inherited from the
/// folder above are removed. Unless `privileged`, set-id bits are dropped.
MetadataOutcome apply_metadata(OpenedFile file, const storage::Entry& entry, Ownership owner, bool privileged);

}  // namespace beffroi::client
