// What the kernel tells of a folder and all folders in it (inotify), as entry paths.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "daemon/share/synced_folder.h"

namespace beffroi::daemon {

/// With more paths than this it is quicker to look at everything.
inline constexpr std::size_t kMaxDirtyPaths = 10'000;

/// Where something may have changed. A folder stands for all below it.
struct FolderNews {
  std::set<std::string> paths;
  bool everything = false;  ///< events were lost, or are too many, or the marker was touched
  bool is_empty() const { return paths.empty() && !everything; }
};

/// Not thread-safe. Follows no links; forgets nothing that was there when open() returned.
class FolderEvents {
 public:
  /// Blocks while it goes through all folders. limit_exceeded: the system has no room for so many watches, and the
  /// sentence says what to set; not_found, wrong_state: SyncedFolder::open(); io.
  static Result<std::unique_ptr<FolderEvents>> open(const SyncedFolder& folder);
  /// Readable when there are events.
  int descriptor() const { return inotify_.get(); }
  /// Takes all events that wait. Watches folders that are new, for which it blocks. Errors as of open().
  Result<void> take(FolderNews& news);

 private:
  FolderEvents(OpenFolder top, FileDescriptor inotify) : top_(std::move(top)), inotify_(std::move(inotify)) {}
  Result<void> watch_below(const std::string& path);
  Result<void> watch(const std::string& path, std::vector<std::string>& folders);
  void forget_below(const std::string& path);
  Result<void> handle(int watch, std::uint32_t mask, std::string_view name, FolderNews& news);
  Result<void> handle_named(const std::string& path, std::uint32_t mask, FolderNews& news);

  const OpenFolder top_;
  const FileDescriptor inotify_;
  std::unordered_map<int, std::string> paths_;
  std::map<std::string, int, std::less<>> watches_;
};

}  // namespace beffroi::daemon
