#include "daemon/share/local_file.h"

#include <fcntl.h>

#include <csignal>

#include "daemon/backup/metadata.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

namespace {

bool is_of_type(const Entry& entry, const struct stat& status) {
  switch (entry.type) {
    case EntryType::file:
      return S_ISREG(status.st_mode);
    case EntryType::directory:
      return S_ISDIR(status.st_mode);
    case EntryType::symlink:
      return S_ISLNK(status.st_mode);
    default:
      return false;
  }
}

Writers has_it_open(int file) {
  // A lease for reading is refused while somebody has the file open for writing. It is given back at once; who opens
  // the file in between waits that long, and the signal that tells of it is one that is ignored.
  if (::fcntl(file, F_SETSIG, SIGURG) != 0) return Writers::unknown;
  if (::fcntl(file, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Writers::somebody : Writers::unknown;
  ::fcntl(file, F_SETLEASE, F_UNLCK);
  return Writers::nobody;
}

bool is_locked(int file) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

}  // namespace

Writers writers_of(int folder, const std::string& name) {
  const FileDescriptor file = open_file_at(folder, name);
  if (!file) return Writers::unknown;
  return is_locked(file.get()) ? Writers::somebody : has_it_open(file.get());
}

std::optional<std::string> read_link_at(int folder, const std::string& name) {
  std::string target(storage::kMaxPathBytes, '\0');
  const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  if (length < 0 || static_cast<std::size_t>(length) == target.size()) return std::nullopt;
  target.resize(static_cast<std::size_t>(length));
  return target;
}

bool is_unchanged(const struct stat& seen, const struct stat& now) {
  return seen.st_dev == now.st_dev && seen.st_ino == now.st_ino && seen.st_size == now.st_size &&
         (seen.st_mode & S_IFMT) == (now.st_mode & S_IFMT) && seen.st_mtim.tv_sec == now.st_mtim.tv_sec &&
         seen.st_mtim.tv_nsec == now.st_mtim.tv_nsec;
}

Result<Standing> LocalFiles::look(const OpenFolder& folder, const std::string& name, const std::string& entry_path,
                                  const Entry& expected, struct stat& seen) {
  if (::fstatat(folder->get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Standing::missing : Standing::other;
  if (!is_of_type(expected, seen)) return Standing::other;
  if (expected.type == EntryType::directory) return Standing::same;
  if (expected.type == EntryType::symlink)
    return read_link_at(folder->get(), name) == expected.link_target ? Standing::same : Standing::other;
  if (static_cast<std::uint64_t>(seen.st_size) != expected.size) return Standing::other;
  if (is_known(entry_path, expected, seen)) return Standing::same;
  BEFFROI_TRY(const bool same, has_content(folder, name, expected, seen));
  return same ? Standing::same : Standing::other;
}

bool LocalFiles::is_known(const std::string& entry_path, const Entry& expected, const struct stat& seen) const {
  const auto trusted = trusted_.find({seen.st_dev, seen.st_ino});
  if (trusted != trusted_.end() && is_unchanged(trusted->second, seen)) return true;
  const auto cached = cache_.find(entry_path);
  return cached && *cached && (*cached)->content_digest == expected.content_digest &&
         (*cached)->fingerprint == fingerprint_of(seen, network_);
}

Result<bool> LocalFiles::has_content(const OpenFolder& folder, const std::string& name, const Entry& expected,
                                     const struct stat& seen) {
  const auto found = digest(folder, name, seen);
  if (found) return *found == expected.content_digest;
  // It can't be read, or changes at this moment: it is not what was expected.
  if (found.error().code == ErrorCode::io || found.error().code == ErrorCode::not_found) return false;
  return forward_error(found);
}

Result<storage::Digest> LocalFiles::digest(const OpenFolder& folder, const std::string& name, const struct stat& seen) {
  if (!reader_) reader_.emplace(chunker_, buffers_);
  storage::ContentDigester digester(keys_.digests());
  const auto take = [&](const FilePiece& piece) -> Result<void> {
    storage::Segment segment{
        .length = piece.length, .object = std::nullopt, .offset = 0, .in_bundle = false, .digest = {}};
    if (!piece.data.empty()) {
      segment.digest = keys_.digests().chunk(piece.data);
      segment.object.emplace();  // it is no hole; where it is stored doesn't matter
    }
    digester.add(segment);
    return {};
  };
  BEFFROI_TRY(const FileReading reading, reader_->read(folder, name, storage::kSmallFileBytes, take, &seen, network_));
  if (reading.changed || !is_unchanged(seen, reading.before))
    return fail(ErrorCode::io, N_("This file changed while it was read."));
  return digester.finish();
}

}  // namespace beffroi::daemon
