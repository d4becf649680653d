#include "daemon/vault/device_key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "daemon/vault/file_descriptor.h"

namespace beffroi::daemon {
namespace {

std::unexpected<Error> system_failure(const std::string& path) {
  return fail(ErrorCode::io, N_("Cannot use the key file {}: {}."), path, errno_text());
}

Result<void> write_all(const FileDescriptor& file, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_failure(path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<crypto::SecretBytes> read_all(const FileDescriptor& file, const std::string& path) {
  crypto::SecretBytes out(crypto::kDeviceKeysBytes);
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::read(file.get(), out.writable().data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  std::uint8_t more = 0;
  if (filled < out.size() || ::read(file.get(), &more, 1) != 0)
    return fail(ErrorCode::corrupt, N_("The key file {} is damaged. Restore this station with 'beffroi recover'."),
                path);
  return out;
}

Result<void> sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return system_failure(path);
  return {};
}

}  // namespace

Result<std::optional<crypto::DeviceKeys>> read_device_keys(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return system_failure(path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_failure(path);
  if (!S_ISREG(status.st_mode) || (status.st_mode & 077) != 0)
    return fail(ErrorCode::refused, N_("The key file {} can be read by others. Its mode must be 0600."), path);
  BEFFROI_TRY(const crypto::SecretBytes bytes, read_all(file, path));
  BEFFROI_TRY(auto keys, crypto::DeviceKeys::decode(bytes.view()));
  return keys;
}

Result<void> write_device_keys(const std::string& path, const crypto::DeviceKeys& keys) {
  // A name that is not `path` until everything is on disk; link() then refuses an existing file.
  const std::string unfinished = path + ".new";
  ::unlink(unfinished.c_str());
  {
    const FileDescriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return system_failure(path);
    BEFFROI_CHECK(write_all(file, keys.encode().view(), path));
    if (::fsync(file.get()) != 0) return system_failure(path);
  }
  const bool linked = ::link(unfinished.c_str(), path.c_str()) == 0;
  const int reason = errno;
  ::unlink(unfinished.c_str());
  errno = reason;
  if (!linked && reason == EEXIST) return fail(ErrorCode::already_exists, N_("The key file {} exists already."), path);
  if (!linked) return system_failure(path);
  return sync_folder_of(path);
}

}  // namespace beffroi::daemon
