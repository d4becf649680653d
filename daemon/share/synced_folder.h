// A shared folder on the disk: where it is, the marker by which it is known, and how to open what is in it. All is
// opened relative to its top and no link is ever followed: whoever may write in the folder leads nobody out of it.
#pragma once

#include "daemon/backup/folder.h"
#include "storage/format/types.h"
#include "storage/merge/brake.h"

namespace beffroi::daemon {

/// In the folder's top, with the space's id in hexadecimal and a newline. Never shared.
inline constexpr std::string_view kMarkerName = ".beffroi-space";
/// What new files are called until they are whole. Never shared; removed by the next scan of everything.
inline constexpr std::string_view kTemporaryPrefix = ".beffroi-tmp-";

/// The marker's name, or a temporary one, in whatever case: some file systems take them for the same.
bool is_reserved_name(std::string_view name);
std::string make_temporary_name();

/// Where a folder is. Cheap to copy; thread-safe.
class SyncedFolder {
 public:
  /// Makes folder (parents too) and marker, durably; a folder that is there may have files. path() is then the path
  /// without links on the way. usage: not absolute, or inside another marked folder; conflict: marked for another
  /// space; io.
  static Result<SyncedFolder> create(const std::string& path, const storage::SpaceId& space);
  /// As create() gave it. Nothing is checked.
  static SyncedFolder at(const std::string& path, const storage::SpaceId& space);

  storage::FolderFound look() const;
  const std::string& path() const { return path_; }
  const storage::SpaceId& space() const { return space_; }
  /// The top. not_found when it is missing or a link is on the way; wrong_state when it is not the marked one.
  Result<OpenFolder> open() const;

 private:
  SyncedFolder(std::string path, const storage::SpaceId& space) : path_(std::move(path)), space_(space) {}
  std::string path_;
  storage::SpaceId space_;
};

/// Why a folder on which another disk is mounted is not shared: without the disk it would look emptied.
Error on_another_disk();

/// Why a file is not shared in whose place the space has one that is not kept on this computer.
Error in_the_way_of_another();

/// Opens a folder below `top` by its entry path ("" is the top itself). No part of it may be a link. errno on failure;
/// EXDEV when it is on another disk.
FileDescriptor open_below(int top, std::string_view entry_path);

/// Gives `old_name` the name `new_name`, which is free: never replaces anything. errno, 0 for success; EEXIST: it is
/// not free.
int rename_to_free(int old_folder, const std::string& old_name, int new_folder, const std::string& new_name);

}  // namespace beffroi::daemon
