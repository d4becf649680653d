#include "daemon/share/folder_events.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cstring>

#include "storage/merge/path_parts.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {
namespace {

constexpr std::uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |
                                   IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kHow = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

std::unexpected<Error> cannot_watch(int error) {
  if (error == ENOSPC || error == EMFILE || error == ENFILE)
    return fail(ErrorCode::limit_exceeded,
                N_("The system can't watch so many folders. Set fs.inotify.max_user_watches and "
                   "fs.inotify.max_user_instances higher; until then changes are found by looking now and then."));
  return fail(ErrorCode::io, N_("Cannot watch this folder: {}."), errno_text(error));
}

bool is_folder(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status{};
  return ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/// Paths of the folders in an open folder.
void list_folders(int folder, const std::string& path, std::vector<std::string>& out) {
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) return;
  DIR* const listing = ::fdopendir(again);
  if (listing == nullptr) {
    ::close(again);
    return;
  }
  while (const dirent* const entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && is_folder(folder, *entry)) out.push_back(storage::path_in(path, name));
  }
  ::closedir(listing);
}

}  // namespace

Result<std::unique_ptr<FolderEvents>> FolderEvents::open(const SyncedFolder& folder) {
  BEFFROI_TRY(OpenFolder top, folder.open());
  FileDescriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return cannot_watch(errno);
  std::unique_ptr<FolderEvents> out(new FolderEvents(std::move(top), std::move(inotify)));
  BEFFROI_CHECK(out->watch_below({}));
  return out;
}

Result<void> FolderEvents::watch_below(const std::string& path) {
  std::vector<std::string> waiting{path};
  while (!waiting.empty()) {
    const std::string next = std::move(waiting.back());
    waiting.pop_back();
    BEFFROI_CHECK(watch(next, waiting));
  }
  return {};
}

/// Watched first, listed then: what is made in between shows in one of the two.
Result<void> FolderEvents::watch(const std::string& path, std::vector<std::string>& folders) {
  const FileDescriptor folder = open_below(top_->get(), path);
  // Gone already, or not ours to read.
  if (!folder) return {};
  // By way of its descriptor, so that no link leads anywhere else meanwhile; "/." for it to be no link itself.
  const std::string name = "/proc/self/fd/" + std::to_string(folder.get()) + "/.";
  const int watch = ::inotify_add_watch(inotify_.get(), name.c_str(), kChanges | kHow);
  if (watch < 0) return errno == ENOENT || errno == EACCES ? Result<void>{} : cannot_watch(errno);
  // It had another name until now.
  if (const auto former = paths_.find(watch); former != paths_.end())
    if (const auto named = watches_.find(former->second); named != watches_.end() && named->second == watch)
      watches_.erase(named);
  paths_.insert_or_assign(watch, path);
  watches_.insert_or_assign(path, watch);
  list_folders(folder.get(), path, folders);
  return {};
}

void FolderEvents::forget_below(const std::string& path) {
  auto each = watches_.lower_bound(path);
  while (each != watches_.end() && storage::is_at_or_below(each->first, path)) {
    ::inotify_rm_watch(inotify_.get(), each->second);
    paths_.erase(each->second);
    each = watches_.erase(each);
  }
}

Result<void> FolderEvents::take(FolderNews& news) {
  alignas(inotify_event) std::array<char, kReadBytes> buffer;
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) break;
    if (length <= 0) return cannot_watch(errno);
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      // The name is padded with zeros.
      const char* const name = event.len == 0 ? "" : buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      BEFFROI_CHECK(handle(event.wd, event.mask, name, news));
    }
  }
  if (news.paths.size() > kMaxDirtyPaths) news.everything = true;
  if (news.everything) news.paths.clear();
  return {};
}

Result<void> FolderEvents::handle(int watch, std::uint32_t mask, std::string_view name, FolderNews& news) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    news.everything = true;
    return watch_below({});
  }
  const auto found = paths_.find(watch);
  if (found == paths_.end()) return {};
  const std::string folder = found->second;
  if ((mask & IN_IGNORED) != 0) {
    if (const auto named = watches_.find(folder); named != watches_.end() && named->second == watch)
      watches_.erase(named);
    paths_.erase(found);
    return {};
  }
  if (folder.empty() && (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) news.everything = true;
  if (!name.empty()) return handle_named(storage::path_in(folder, name), mask, news);
  // The top's own rights are not shared; of the others the folder above tells the rest.
  if (!folder.empty() && (mask & IN_ATTRIB) != 0) news.paths.insert(folder);
  return {};
}

Result<void> FolderEvents::handle_named(const std::string& path, std::uint32_t mask, FolderNews& news) {
  if (is_reserved_name(storage::name_of(path))) {
    if (path == kMarkerName) news.everything = true;
    return {};
  }
  news.paths.insert(path);
  if ((mask & IN_ISDIR) == 0) return {};
  if ((mask & IN_MOVED_FROM) != 0) forget_below(path);
  if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) return watch_below(path);
  return {};
}

}  // namespace beffroi::daemon
