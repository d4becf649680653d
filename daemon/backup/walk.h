// Walks a source depth-first in the order of entry paths. (Siblings in plain byte order are in entry order: a folder's
// entries continue its path with byte 0, which is smaller than any byte of a longer name.)
#pragma once

#include <functional>

#include "daemon/backup/filter.h"
#include "daemon/backup/folder.h"
#include "daemon/backup/metadata.h"
#include "daemon/backup/source.h"

namespace beffroi::daemon {

/// More folders of one path than this are not held open: the walk finds its way back by "..".
inline constexpr std::size_t kMaxOpenFolders = 64;

/// One file, folder or other thing that the walk came by, and how to open it.
struct Walked {
  storage::Entry entry;  ///< all but the content
  struct stat status{};
  bool network = false;  ///< the file system keeps neither inodes nor change times
  bool attributes_lost = false;
  OpenFolder folder;  ///< where `name` is
  std::string name;
};

/// Takes what the walk finds; called on the walking thread. An error of found() or keep() ends the walk.
class WalkVisitor {
 public:
  virtual ~WalkVisitor() = default;
  virtual Result<void> found(Walked walked) = 0;
  /// Asked about a regular file by its lstat alone, before anything else of it is read: true when it is taken as the
  /// visitor knows it, and found() is not called. (`network`: see Walked.)
  virtual Result<bool> take_as_known(const std::string& entry_path, const struct stat& status, bool network) = 0;
  /// Asked about everything below the source by its lstat alone, first of all: true when it, and all below it, is left
  /// out.
  virtual bool leaves_out(const std::string& /*entry_path*/, const struct stat& /*status*/) { return false; }
  /// A folder that could not be opened or listed, instead of found(): what was known below it is all there is.
  virtual Result<void> unreadable_folder(Walked walked, const Error& reason) = 0;
  /// A folder that was found, and could not be finished: of what was known below it, the rest is all there is.
  virtual Result<void> lost_folder(const std::string& entry_path, const Error& reason) = 0;
  /// Something that is there but could not be looked at: what was known of it, and below it, is all there is.
  virtual Result<void> unreadable_entry(const std::string& entry_path, const Error& reason) = 0;
  /// Something that can't be in a snapshot (a path too long, attributes).
  virtual void problem(const std::string& entry_path, const Error& reason) = 0;
  virtual void excluded() = 0;
  virtual void socket_skipped() = 0;
};

/// Walks `name` in `folder`, of which `status` is the lstat. `entry_path` is its path.
/// Stops with ErrorCode::cancelled when `cancelled` becomes true. Files that vanish on the way are no error.
Result<void> walk(const Source& source, const std::string& entry_path, const OpenFolder& folder,
                  const std::string& name, MetadataReader& metadata, WalkVisitor& visitor,
                  const std::function<bool()>& cancelled);

}  // namespace beffroi::daemon
