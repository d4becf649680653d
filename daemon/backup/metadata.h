// What the file system says of a file besides its content, as a tree entry.
#pragma once

#include <sys/stat.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "storage/store/file_cache.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {

/// Reads metadata into entries; remembers names of users and groups for its lifetime. Not thread-safe.
class MetadataReader {
 public:
  MetadataReader() = default;
  virtual ~MetadataReader() = default;
  MetadataReader(const MetadataReader&) = delete;
  MetadataReader& operator=(const MetadataReader&) = delete;

  /// Type, mode, owner, times, device numbers and extended attributes of `name` in the open folder; target of a
  /// symlink. `status` is its lstat. nullopt for a socket. ErrorCode::io when a link can't be read, or when the
  /// attributes are not those of what `status` describes (an ACL of another file would let others read this one; on a
  /// `network` only owner and mode can tell); not_found when it is gone.
  /// (Virtual so that a test can change the files at this moment.)
  virtual Result<std::optional<storage::Entry>> read(int folder, const std::string& name, const struct stat& status,
                                                     bool network = false);
  /// Are user and group of the entry what the system calls its owners now?
  bool are_names_of(const storage::Entry& entry);
  /// Names of the attributes that the last read() left out, as they could not be read or would not fit an entry; an
  /// empty one when they could not even be listed.
  const std::vector<std::string>& lost_attributes() const { return lost_attributes_; }
  /// Does the open folder lie on a file system that keeps neither inodes nor change times?
  virtual bool is_network(int folder) const;

 private:
  const std::string& user_name(uid_t uid);
  const std::string& group_name(gid_t gid);
  std::unordered_map<uid_t, std::string> users_;
  std::unordered_map<gid_t, std::string> groups_;
  std::vector<std::string> lost_attributes_;
};

/// True for file systems whose inode numbers and change times mean nothing: SMB, NFS, FUSE and the like.
bool is_network_file_system(int descriptor);

/// Could somebody read a thing as `now` describes it who could not as `before` did? Owner, group, mode and ACL say so.
/// What was stored of `before` may only be given to the readers of `now` when this is false: whoever may rename in a
/// folder can put something of their own in a file's place.
bool opens_wider(const storage::Entry& now, const storage::Entry& before);

storage::FileFingerprint fingerprint_of(const struct stat& status, bool network);

}  // namespace beffroi::daemon
