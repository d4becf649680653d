#include "client/restore/folder_stack.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

namespace beffroi::client {
namespace {

constexpr std::size_t kMaxOpenLevels = 64;
// Less the caller's umask: these are folders that the snapshot says nothing of.
constexpr mode_t kNewFolderMode = 0777;

// Reading is needed for nothing but changing a folder's metadata without /proc.
int open_folder(int above, const std::string& name, bool& path_only) {
  path_only = false;
  int opened = open_beneath(above, name, O_RDONLY | O_DIRECTORY);
  if (opened < 0 && errno == EACCES) {
    path_only = true;
    opened = open_beneath(above, name, O_PATH | O_DIRECTORY);
  }
  return opened;
}

}  // namespace

int open_beneath(int folder, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
  // A single component that is not ".." cannot lead out if it is no link: an old kernel does as well.
  if (opened < 0 && errno == ENOSYS) return openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW);
  return static_cast<int>(opened);
}

FolderStack::OrErrno<int> FolderStack::enter(std::string_view folder, bool create) {
  std::vector<std::string> wanted;
  for (std::size_t from = 0; from < folder.size();) {
    const auto end = std::min(folder.find('\0', from), folder.size());
    wanted.emplace_back(folder.substr(from, end - from));
    from = end + 1;
  }
  std::size_t common = 0;
  while (common < wanted.size() && common < levels_.size() && wanted[common] == levels_[common].name) ++common;
  while (levels_.size() > common) leave_one();
  for (; common < wanted.size(); ++common)
    if (const auto pushed = push(wanted[common], create); !pushed) return std::unexpected(pushed.error());
  return descriptor_at(levels_.size());
}

FolderStack::OrErrno<void> FolderStack::push(const std::string& name, bool create) {
  const auto above = descriptor_at(levels_.size());
  if (!above) return std::unexpected(above.error());
  Level level;
  level.name = name;
  Descriptor folder(open_folder(*above, name, level.path_only));
  if (!folder && errno == ENOENT && create) {
    if (mkdirat(*above, name.c_str(), kNewFolderMode) != 0 && errno != EEXIST) return std::unexpected(errno);
    folder = Descriptor(open_folder(*above, name, level.path_only));
  }
  struct stat status{};
  if (!folder || fstat(folder.get(), &status) != 0) return std::unexpected(errno);
  level.folder = std::make_shared<const Descriptor>(std::move(folder));
  level.device = status.st_dev;
  level.inode = status.st_ino;
  levels_.push_back(std::move(level));
  close_far_levels();
  return {};
}

bool FolderStack::is_same(const Level& level, int opened) {
  struct stat status{};
  return fstat(opened, &status) == 0 && status.st_dev == level.device && status.st_ino == level.inode;
}

void FolderStack::close_far_levels() {
  if (levels_.size() > kMaxOpenLevels) levels_[levels_.size() - kMaxOpenLevels - 1].folder.reset();
}

FolderStack::OrErrno<int> FolderStack::descriptor_at(std::size_t depth) {
  if (depth == 0) return target_;
  std::size_t from = depth;
  while (from > 0 && !levels_[from - 1].folder) --from;
  int above = from == 0 ? target_ : levels_[from - 1].folder->get();
  Folder step;
  for (; from < depth; ++from) {
    auto next = std::make_shared<const Descriptor>(open_folder(above, levels_[from].name, levels_[from].path_only));
    if (!*next) return std::unexpected(errno);
    // Somebody put another one there: it would get this one's owner and rights.
    if (!is_same(levels_[from], next->get())) return std::unexpected(ESTALE);
    above = next->get();
    // The nearest ones stay open: going up from a deep place would otherwise start at the target at every step.
    Folder& kept = from + kMaxOpenLevels >= depth ? levels_[from].folder : step;
    kept = std::move(next);
  }
  return levels_[depth - 1].folder->get();
}

void FolderStack::set_entry(storage::Entry entry) {
  if (!levels_.empty()) levels_.back().entry = std::move(entry);
}

void FolderStack::leave_one() {
  Level& level = levels_.back();
  if (level.entry && on_leave_ && descriptor_at(levels_.size()))
    on_leave_({level.folder, level.path_only, std::move(*level.entry)});
  levels_.pop_back();
}

void FolderStack::leave_all() {
  while (!levels_.empty()) leave_one();
}

}  // namespace beffroi::client
