#include "client/kit/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "client/descriptor.h"
#include "crypto/secret.h"

namespace beffroi::client {
namespace {

constexpr std::size_t kMaxShortFileBytes = std::size_t{64} * 1024;

std::unexpected<Error> cannot_write(const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return fail(ErrorCode::disk_full, N_("There is no room to write {}. Make some, then start again."), path);
  if (error == EEXIST)
    return fail(ErrorCode::already_exists,
                N_("{} exists already and is never overwritten. Choose another name, or move it away."), path);
  return fail(ErrorCode::io, N_("Cannot write {}: {}."), path, std::generic_category().message(error));
}

Result<void> write_all(int descriptor, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot_write(path, errno);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

void sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().native();
  if (folder.empty()) folder = ".";
  const Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder; then the file's own sync is all there is.
  if (opened) static_cast<void>(fsync(opened.get()));
}

}  // namespace

Result<void> write_new_file(const std::string& path, ByteView content, FileAudience audience) {
  const mode_t mode = audience == FileAudience::owner ? 0600 : 0644;
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return cannot_write(path, errno);
  Result<void> done = write_all(file.get(), content, path);
  if (done && fsync(file.get()) != 0) done = cannot_write(path, errno);
  if (!done) unlink(path.c_str());
  sync_folder_of(path);
  return done;
}

Result<std::string> read_short_file(const std::string& path) {
  const Descriptor file(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, N_("Cannot read {}: {}."), path,
                std::generic_category().message(errno));
  // Reserved once: a string that grows would leave copies of a secret behind.
  std::string out(kMaxShortFileBytes + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    const ssize_t got = read(file.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      crypto::wipe(out);
      return fail(ErrorCode::io, N_("Cannot read {}: {}."), path, std::generic_category().message(error));
    }
    filled += static_cast<std::size_t>(got);
    if (got == 0 || filled == out.size()) break;
  }
  if (filled == out.size()) {
    crypto::wipe(out);
    return fail(ErrorCode::limit_exceeded, N_("{} is too large to be what is asked for."), path);
  }
  out.resize(filled);
  return out;
}

Result<void> check_absent(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0) return cannot_write(path, EEXIST);
  return {};
}

}  // namespace beffroi::client
