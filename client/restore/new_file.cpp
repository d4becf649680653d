#include "client/restore/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "crypto/random.h"

namespace beffroi::client {

std::string temporary_name() {
  std::array<std::uint8_t, 8> bytes{};
  crypto::system_random().fill(bytes);
  // As a synced folder's own: what is being restored into one is not shared before it is whole.
  return ".beffroi-tmp-" + to_hex(bytes);
}

bool is_newer(const storage::Entry& entry, const struct stat& there) {
  return std::pair(entry.mtime_s, std::int64_t{entry.mtime_ns}) >
         std::pair(std::int64_t{there.st_mtim.tv_sec}, std::int64_t{there.st_mtim.tv_nsec});
}

FilePlan plan_file(int folder, const std::string& name, const storage::Entry& entry, Overwrite overwrite) {
  struct stat there{};
  if (fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return FilePlan::create;
  if (overwrite == Overwrite::never || (overwrite == Overwrite::older && !is_newer(entry, there)))
    return FilePlan::leave;
  if (!S_ISDIR(there.st_mode)) return FilePlan::replace;
  // A folder with something in it is never removed: what is in it is not in the snapshot.
  if (overwrite == Overwrite::always && unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return FilePlan::create;
  return FilePlan::folder_in_the_way;
}

int publish_file(int from, const std::string& temporary, int folder, const std::string& name, bool replace) {
  const char* const old_name = temporary.c_str();
  const char* const new_name = name.c_str();
  if (replace) return renameat(from, old_name, folder, new_name) == 0 ? 0 : errno;
  if (renameat2(from, old_name, folder, new_name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // File systems without it (NFS, some FUSE): a link is as careful, where there are links.
  if (linkat(from, old_name, folder, new_name, 0) == 0) return unlinkat(from, old_name, 0) == 0 ? 0 : errno;
  if (errno == EEXIST) return EEXIST;
  struct stat there{};
  if (fstatat(folder, new_name, &there, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return renameat(from, old_name, folder, new_name) == 0 ? 0 : errno;
}

}  // namespace beffroi::client
