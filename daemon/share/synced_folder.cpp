#include "daemon/share/synced_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "crypto/random.h"

namespace beffroi::daemon {

using storage::FolderFound;

namespace {

constexpr std::size_t kTemporaryRandomBytes = 8;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

char to_lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool begins_with(std::string_view name, std::string_view lower_case) {
  return name.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), name.begin(),
                    [](char wanted, char letter) { return wanted == to_lower(letter); });
}

std::string marker_text(const storage::SpaceId& space) { return space.hex() + "\n"; }

/// nullopt when there is none, or it is no plain file.
std::optional<std::string> read_marker(int top) {
  const FileDescriptor file = open_file_at(top, std::string(kMarkerName));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::array<char, 256> text{};
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::unexpected<Error> cannot_mark(int error) {
  return fail(ErrorCode::io, N_("Cannot mark this folder as a shared one: {}."), errno_text(error));
}

Result<void> write_marker(int top, const storage::SpaceId& space) {
  const std::string temporary = make_temporary_name(), text = marker_text(space);
  const FileDescriptor file(
      ::openat(top, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return cannot_mark(errno);
  int error = 0;
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0)
    error = errno;
  if (error == 0) error = rename_to_free(top, temporary, top, std::string(kMarkerName));
  if (error == 0 && ::fsync(top) != 0) error = errno;
  if (error == 0) return {};
  ::unlinkat(top, temporary.c_str(), 0);
  return cannot_mark(error);
}

Result<void> check_folders_above(const std::filesystem::path& path) {
  for (auto above = path.parent_path(); above != above.root_path(); above = above.parent_path()) {
    const FileDescriptor folder = open_path_without_links(above.string());
    if (folder && read_marker(folder.get()))
      return fail(ErrorCode::usage, N_("{} lies in another shared folder. Choose a folder outside of it."),
                  path.string());
  }
  return {};
}

FileDescriptor open_step_by_step(int top, std::string_view entry_path) {
  FileDescriptor at(::openat(top, ".", kFolderFlags));
  for (std::size_t begin = 0; at && begin < entry_path.size();) {
    const std::size_t end = std::min(entry_path.find('\0', begin), entry_path.size());
    const std::string name(entry_path.substr(begin, end - begin));
    begin = end + 1;
    at = FileDescriptor(::openat(at.get(), name.c_str(), kFolderFlags));
  }
  return at;
}

bool is_on_disk_of(int top, int folder) {
  struct stat of_top{}, status{};
  return ::fstat(top, &of_top) == 0 && ::fstat(folder, &status) == 0 && of_top.st_dev == status.st_dev;
}

FileDescriptor open_without_links(int top, std::string_view entry_path) {
  std::string path(entry_path);
  std::ranges::replace(path, '\0', '/');
  if (path.empty()) path = ".";
  open_how how{};
  how.flags = static_cast<std::uint64_t>(kFolderFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, top, path.c_str(), &how, sizeof how);
  if (opened >= 0) return FileDescriptor(static_cast<int>(opened));
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES) return {};
  // Not every kernel, system call filter or length of path lets it through.
  return open_step_by_step(top, entry_path);
}

}  // namespace

Error on_another_disk() {
  return {
      ErrorCode::refused, N_("Another disk is mounted on this folder, and what is on that disk is not shared."), {}};
}

Error in_the_way_of_another() {
  return {
      ErrorCode::conflict,
      N_("The space has something of this name that is not kept on this computer, so this one is not shared. Give it "
         "another name, or fetch the other one with 'beffroi space fetch': then both are here."),
      {}};
}

bool is_reserved_name(std::string_view name) {
  return (name.size() == kMarkerName.size() && begins_with(name, kMarkerName)) || begins_with(name, kTemporaryPrefix);
}

std::string make_temporary_name() {
  std::array<std::uint8_t, kTemporaryRandomBytes> bytes{};
  crypto::system_random().fill(bytes);
  return std::string(kTemporaryPrefix) + to_hex(bytes);
}

Result<SyncedFolder> SyncedFolder::create(const std::string& path, const storage::SpaceId& space) {
  if (path.empty() || path.front() != '/')
    return fail(ErrorCode::usage, N_("{} is no absolute path. Begin it with '/'."), path);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  const auto real = error ? std::filesystem::path() : std::filesystem::canonical(path, error);
  if (error) return fail(ErrorCode::io, N_("Cannot make the folder {}: {}."), path, error.message());
  BEFFROI_CHECK(check_folders_above(real));
  const FileDescriptor top = open_path_without_links(real.string());
  if (!top) return fail(ErrorCode::io, N_("Cannot open the folder {}: {}."), path, errno_text());
  const auto marker = read_marker(top.get());
  if (!marker) BEFFROI_CHECK(write_marker(top.get(), space));
  if (marker && *marker != marker_text(space))
    return fail(ErrorCode::conflict,
                N_("{} belongs to another shared folder already. Choose another one, or remove the file .beffroi-space "
                   "in it if that share is gone."),
                path);
  return SyncedFolder(real.string(), space);
}

SyncedFolder SyncedFolder::at(const std::string& path, const storage::SpaceId& space) { return {path, space}; }

FolderFound SyncedFolder::look() const {
  const FileDescriptor top = open_path_without_links(path_);
  if (!top) return FolderFound::missing;
  return read_marker(top.get()) == marker_text(space_) ? FolderFound::same : FolderFound::other;
}

Result<OpenFolder> SyncedFolder::open() const {
  auto top = std::make_shared<const FileDescriptor>(open_path_without_links(path_));
  if (!*top) return fail(ErrorCode::not_found, N_("The shared folder {} is missing: {}."), path_, errno_text());
  if (read_marker(top->get()) != marker_text(space_))
    return fail(ErrorCode::wrong_state,
                N_("The folder {} is not the shared one: its file .beffroi-space is missing or another one. Is its "
                   "disk mounted?"),
                path_);
  return OpenFolder(std::move(top));
}

FileDescriptor open_below(int top, std::string_view entry_path) {
  FileDescriptor out = open_without_links(top, entry_path);
  if (!out || entry_path.empty() || is_on_disk_of(top, out.get())) return out;
  errno = EXDEV;
  return {};
}

int rename_to_free(int old_folder, const std::string& old_name, int new_folder, const std::string& new_name) {
  const char* const from = old_name.c_str();
  const char* const to = new_name.c_str();
  if (::renameat2(old_folder, from, new_folder, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // File systems without it (some networks', FUSE): a link is as careful, where there are links.
  if (::linkat(old_folder, from, new_folder, to, 0) == 0) return ::unlinkat(old_folder, from, 0) == 0 ? 0 : errno;
  if (errno == EEXIST) return EEXIST;
  struct stat there{};
  if (::fstatat(new_folder, to, &there, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(old_folder, from, new_folder, to) == 0 ? 0 : errno;
}

}  // namespace beffroi::daemon
