// Is what stands at a name on the disk still what a tree says of it, and is it at rest? Asked before anything in a
// shared folder is replaced or removed.
#pragma once

#include <map>

#include "daemon/backup/file_reader.h"
#include "daemon/share/shared_entry.h"
#include "storage/tree/content.h"

namespace beffroi::daemon {

enum class Standing : std::uint8_t {
  same,     ///< what the entry says; of a file, its content
  missing,  ///< nothing
  other,    ///< something else, or it can't be read
};

/// One per thread.
class LocalFiles {
 public:
  /// All outlive it. `network`: the file system keeps neither inodes nor change times.
  LocalFiles(const storage::KeyRing& keys, const storage::FileCache& cache, bool network)
      : keys_(keys), cache_(cache), network_(network), chunker_(keys.digests().chunk_cut_key()) {}

  /// `entry_path`: under which the file cache knows it. Fills `seen` with its lstat unless it is missing. A file that
  /// the cache doesn't vouch for is read.
  Result<Standing> look(const OpenFolder& folder, const std::string& name, const std::string& entry_path,
                        const storage::Entry& expected, struct stat& seen);
  /// The file holds what was expected of it while it is as `status` says, whatever its change time says from now on.
  void trust(const struct stat& status) { trusted_.insert_or_assign(std::pair(status.st_dev, status.st_ino), status); }

 private:
  bool is_known(const std::string& entry_path, const storage::Entry& expected, const struct stat& seen) const;
  Result<bool> has_content(const OpenFolder& folder, const std::string& name, const storage::Entry& expected,
                           const struct stat& seen);
  Result<storage::Digest> digest(const OpenFolder& folder, const std::string& name, const struct stat& seen);

  const storage::KeyRing& keys_;
  const storage::FileCache& cache_;
  const bool network_;
  const storage::Chunker chunker_;
  ReadBuffers buffers_;
  std::optional<FileReader> reader_;  ///< once something is to be read
  std::map<std::pair<dev_t, ino_t>, struct stat> trusted_;
};

/// Has another process opened this file for writing, or locked it?
enum class Writers : std::uint8_t {
  nobody,
  somebody,
  unknown,  ///< the system doesn't say: not of files of other users, nor on every file system
};
Writers writers_of(int folder, const std::string& name);

/// The target of a link; nullopt when it is none, or can't be read.
std::optional<std::string> read_link_at(int folder, const std::string& name);

/// Is it the same file, with the same content as far as size and time tell?
bool is_unchanged(const struct stat& seen, const struct stat& now);

}  // namespace beffroi::daemon
