// Folders of the target on the way to the file that is written, opened step by step and never through a symbolic link:
// nothing in the snapshot and nothing in the target leads out of it. Works below PATH_MAX and with few descriptors.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/descriptor.h"
#include "client/restore/metadata.h"

namespace beffroi::client {

/// Opens one component of a path below `folder`, refusing symbolic links (openat2 with RESOLVE_BENEATH,
/// RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS). -1 and errno on failure.
int open_beneath(int folder, const std::string& name, int flags);

/// Paths are entry paths relative to the target: components separated by byte 0, checked by the caller
/// (storage::is_valid_path).
class FolderStack {
 public:
  /// A value, or errno.
  template <class T>
  using OrErrno = std::expected<T, int>;
  /// Stays open as long as somebody holds it.
  using Folder = std::shared_ptr<const Descriptor>;
  struct Left {
    Folder folder;
    bool path_only = false;  ///< see OpenedFile
    storage::Entry entry;
  };
  /// Called with a folder that is left, deepest first, if it has an entry. Not for one that is no longer in its place.
  using OnLeave = std::function<void(Left left)>;

  /// `target` stays open as long as this lives; it is not owned. An empty OnLeave is fine.
  FolderStack(int target, OnLeave on_leave) : target_(target), on_leave_(std::move(on_leave)) {}

  /// Leaves what `folder` is not in, and opens the way down to it; with `create`, missing folders are made. The
  /// descriptor is good until the next call. ENOTDIR or ELOOP: something on the way is no folder.
  OrErrno<int> enter(std::string_view folder, bool create);
  /// The folder that was entered last; null: the target itself, or one that was closed again.
  Folder current() const { return levels_.empty() ? nullptr : levels_.back().folder; }
  /// Marks the folder that was entered last: its entry is handed to OnLeave once all below it is done.
  void set_entry(storage::Entry entry);
  /// Leaves all.
  void leave_all();

 private:
  struct Level {
    std::string name;
    Folder folder;  ///< null when there were too many
    bool path_only = false;
    dev_t device = 0;  ///< with the inode: what must be found when it is opened again
    ino_t inode = 0;
    std::optional<storage::Entry> entry;
  };
  static bool is_same(const Level& level, int opened);
  OrErrno<void> push(const std::string& name, bool create);
  /// Opens the levels that were closed, up to and with `depth` - 1.
  OrErrno<int> descriptor_at(std::size_t depth);
  void leave_one();
  void close_far_levels();

  int target_;
  OnLeave on_leave_;
  std::vector<Level> levels_;
};

}  // namespace beffroi::client
