#include "daemon/backup/folder.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace beffroi::daemon {
namespace {

constexpr std::size_t kListingBytes = std::size_t{64} * 1024;

FileDescriptor open_without_trace(int folder, const std::string& name, int flags) {
  FileDescriptor out(::openat(folder, name.c_str(), flags | O_NOATIME));
  // Only a file's owner may ask for no trace.
  if (!out && errno == EPERM) out = FileDescriptor(::openat(folder, name.c_str(), flags));
  return out;
}

/// Takes the names out of what getdents64 wrote. (Its layout is stable: linux/dirent.h.)
void take_names(const char* listing, std::size_t length, std::vector<std::string>& names) {
  for (std::size_t at = 0; at < length;) {
    std::uint16_t record_length = 0;
    std::memcpy(&record_length, listing + at + offsetof(dirent64, d_reclen), sizeof record_length);
    const std::string_view name = listing + at + offsetof(dirent64, d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    at += record_length;
  }
}

}  // namespace

FileDescriptor open_folder_at(int folder, const std::string& name, bool follow_links) {
  return open_without_trace(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW));
}

FileDescriptor open_path_without_links(const std::string& path) {
  // openat2() says this in one call, but not to longer paths than PATH_MAX, nor through every system call filter.
  FileDescriptor at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t begin = 0; at && begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    at = FileDescriptor(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  return at ? open_folder_at(at.get(), ".", false) : FileDescriptor();
}

FileDescriptor open_file_at(int folder, const std::string& name) {
  return open_without_trace(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

Result<std::vector<std::string>> read_names(int folder) {
  std::vector<std::string> names;
  alignas(dirent64) std::array<char, kListingBytes> listing;
  ::lseek(folder, 0, SEEK_SET);
  for (;;) {
    const ssize_t length = ::getdents64(folder, listing.data(), listing.size());
    if (length == 0) break;
    if (length < 0) return fail(ErrorCode::io, N_("Cannot read this folder: {}."), errno_text());
    take_names(listing.data(), static_cast<std::size_t>(length), names);
  }
  std::sort(names.begin(), names.end());
  // A folder that changes while it is listed may show a name twice.
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace beffroi::daemon
