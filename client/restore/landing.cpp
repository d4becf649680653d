#include "client/restore/landing.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "client/restore/folder_stack.h"
#include "storage/tree/entry.h"

namespace beffroi::client {
namespace {

// Less the caller's umask.
constexpr mode_t kNewFolderMode = 0777;
// To step through it, reading is not needed.
constexpr int kStepFlags = O_PATH | O_DIRECTORY;

std::string reason(int error) { return std::generic_category().message(error); }

/// While it lives, what this thread makes is made by this user, with their rights. (Giving it away afterwards would
/// leave them a moment to put something of root's in its place.) Of no effect unless root calls.
class MadeBy {
 public:
  explicit MadeBy(const struct stat& owner) {
    if (geteuid() != 0) return;
    group_ = setfsgid(owner.st_gid);
    user_ = setfsuid(owner.st_uid);
    active_ = true;
  }
  ~MadeBy() {
    if (!active_) return;
    setfsuid(static_cast<uid_t>(user_));
    setfsgid(static_cast<gid_t>(group_));
  }
  MadeBy(const MadeBy&) = delete;
  MadeBy& operator=(const MadeBy&) = delete;

 private:
  int user_ = 0, group_ = 0;
  bool active_ = false;
};

/// 0, or errno.
int make_folder(int above, const std::string& name) {
  struct stat status{};
  if (fstat(above, &status) != 0) return errno;
  const MadeBy owner(status);
  return mkdirat(above, name.c_str(), kNewFolderMode) == 0 || errno == EEXIST ? 0 : errno;
}

/// Invalid, with errno, when it can't be entered.
Descriptor enter(const Descriptor& above, const std::string& name, bool create) {
  Descriptor next(open_beneath(above.get(), name, kStepFlags));
  if (next || errno != ENOENT || !create) return next;
  errno = make_folder(above.get(), name);
  return errno == 0 ? Descriptor(open_beneath(above.get(), name, kStepFlags)) : Descriptor();
}

/// Invalid, with errno, when something on the way is no folder.
Descriptor descend(Descriptor folder, std::string_view entry_path, bool create) {
  // Here ".." and "." would lead elsewhere; no tree and no resolved path has them.
  errno = EINVAL;
  if (!storage::is_valid_path(entry_path)) return {};
  while (folder && !entry_path.empty()) {
    const std::size_t end = std::min(entry_path.find('\0'), entry_path.size());
    folder = enter(folder, std::string(entry_path.substr(0, end)), create);
    entry_path.remove_prefix(std::min(end + 1, entry_path.size()));
  }
  return folder;
}

}  // namespace

Result<Descriptor> open_target(const std::string& target) {
  std::error_code error;
  std::filesystem::create_directories(target, error);
  if (error) return fail(ErrorCode::io, N_("Cannot make the folder {}: {}."), target, error.message());
  Descriptor folder(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(ErrorCode::io, N_("Cannot write in {}: {}."), target, reason(errno));
  return folder;
}

Result<Descriptor> open_in_shared_folder(const std::string& top, std::string_view below) {
  Descriptor folder(::open("/", kStepFlags | O_CLOEXEC));
  if (folder) folder = descend(std::move(folder), storage::to_entry_path(top), false);
  if (!folder) return fail(ErrorCode::io, N_("Cannot write in {}: {}."), top, reason(errno));
  folder = descend(std::move(folder), below, true);
  // Now to be read, as a restore wants it.
  if (folder) folder = Descriptor(openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder)
    return fail(ErrorCode::io, N_("Cannot write in {}: {}."),
                (std::filesystem::path(top) / storage::to_display_path(below).substr(1)).native(), reason(errno));
  return folder;
}

}  // namespace beffroi::client
