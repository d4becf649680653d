#include "daemon/share/file_placing.h"

#include <fcntl.h>

#include <cstdio>

#include "daemon/share/content_writer.h"
#include "daemon/share/shared_entry.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

namespace {

constexpr mode_t kPrivateFile = 0600;

Error in_use() {
  return {ErrorCode::busy, N_("Somebody has this file open. It is brought up to date when it is closed."), {}};
}

}  // namespace

Error cannot_change(int error) {
  if (error == EXDEV) return on_another_disk();
  return {write_error_code(error), N_("This could not be brought up to date: {}."), {errno_text(error)}};
}

Error was_changed() {
  return {
      ErrorCode::conflict,
      N_("This was changed here since the folder was last looked at. It stays, and is taken in with the next look."),
      {}};
}

void give_to_owner_of(int file, const struct stat& like) {
  struct stat own{};
  if (::fstat(file, &own) != 0 || (own.st_uid == like.st_uid && own.st_gid == like.st_gid)) return;
  // Without the right to, it stays the daemon's.
  if (::fchown(file, like.st_uid, like.st_gid) != 0) errno = 0;
}

void set_metadata(int file, const Entry& entry) {
  // What a file system can't hold is left out: it stays narrower than it should be.
  if (::fchmod(file, shared_mode(entry.type, entry.mode)) != 0) errno = 0;
  if (entry.type == EntryType::directory) return;
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                             {.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)}};
  if (::futimens(file, times) != 0) errno = 0;
}

std::expected<FileDescriptor, Error> FilePlacing::make_file(int folder, const std::string& temporary,
                                                            const std::string& name) {
  FileDescriptor file(
      ::openat(folder, temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivateFile));
  if (!file) return std::unexpected(cannot_change(errno));
  struct stat like{};
  const bool replaces = ::fstatat(folder, name.c_str(), &like, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(like.st_mode);
  if (replaces || ::fstat(folder, &like) == 0) give_to_owner_of(file.get(), like);
  return file;
}

Result<Refusal> FilePlacing::check(const OpenFolder& folder, const std::string& name, const Expected& expected,
                                   struct stat& seen) {
  BEFFROI_TRY(const Standing standing, files_.look(folder, name, expected.cached_as, *expected.entry, seen));
  return standing == Standing::same ? Refusal() : was_changed();
}

Result<Refusal> FilePlacing::check_at_rest(const OpenFolder& folder, const std::string& name, const Expected& expected,
                                           struct stat& seen) {
  BEFFROI_TRY(Refusal refusal, check(folder, name, expected, seen));
  if (refusal || !S_ISREG(seen.st_mode)) return refusal;
  return writers_of(folder->get(), name) == Writers::somebody ? Refusal(in_use()) : Refusal();
}

Result<Refusal> FilePlacing::publish(int from, const std::string& temporary, const OpenFolder& folder,
                                     const std::string& name, const std::string& path, const Expected& expected) {
  BEFFROI_CHECK(at(ApplyPoint::publishing, path));
  if (!expected.entry) {
    const int error = rename_to_free(from, temporary, folder->get(), name);
    if (error == 0) return Refusal();
    return error == EEXIST ? was_changed() : cannot_change(error);
  }
  struct stat seen{};
  BEFFROI_TRY(Refusal refusal, check_at_rest(folder, name, expected, seen));
  if (refusal) return refusal;
  return exchange(from, temporary, folder->get(), name, path, seen);
}

/// Afterwards it is looked at what came out: somebody may have put another file there after the look before.
Result<Refusal> FilePlacing::exchange(int from, const std::string& temporary, int folder, const std::string& name,
                                      const std::string& path, const struct stat& seen) {
  struct stat ours{};
  if (::fstatat(from, temporary.c_str(), &ours, AT_SYMLINK_NOFOLLOW) != 0) return cannot_change(errno);
  if (::renameat2(from, temporary.c_str(), folder, name.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) return errno == ENOENT ? was_changed() : cannot_change(errno);
    // File systems that can't exchange (FAT, some networks'): one more look is all there is.
    struct stat now{};
    if (::fstatat(folder, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0 || !is_unchanged(seen, now))
      return was_changed();
    if (::renameat(from, temporary.c_str(), folder, name.c_str()) != 0) return cannot_change(errno);
    return Refusal();
  }
  BEFFROI_CHECK(at(ApplyPoint::exchanged, path));
  struct stat out{};
  const bool is_old = ::fstatat(from, temporary.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0 && is_unchanged(seen, out);
  if (is_old) {
    ::unlinkat(from, temporary.c_str(), 0);
    return Refusal();
  }
  if (::renameat2(from, temporary.c_str(), folder, name.c_str(), RENAME_EXCHANGE) != 0) {
    bring_back(from, temporary, folder, name);
  } else if (::fstatat(from, temporary.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0 &&
             (out.st_ino != ours.st_ino || out.st_dev != ours.st_dev)) {
    // Once more somebody was quicker: that one must not go with the temporary files.
    bring_back(from, temporary, folder, name);
  }
  return was_changed();
}

void FilePlacing::bring_back(int from, const std::string& temporary, int folder, const std::string& name) {
  if (rename_to_free(from, temporary, folder, name) == 0) return;
  const std::string beside = name + "." + temporary.substr(kTemporaryPrefix.size());
  rename_to_free(from, temporary, folder, beside);
}

Result<Refusal> FilePlacing::remove(const OpenFolder& folder, const std::string& name, const std::string& path,
                                    const Expected& expected) {
  BEFFROI_CHECK(at(ApplyPoint::removal, path));
  struct stat seen{};
  if (::fstatat(folder->get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return Refusal();
  BEFFROI_TRY(Refusal refusal, check_at_rest(folder, name, expected, seen));
  if (refusal) return refusal;
  // Out of its place first, so that what goes is what was looked at.
  const std::string temporary = make_temporary_name();
  if (const int error = rename_to_free(folder->get(), name, folder->get(), temporary); error != 0)
    return error == ENOENT ? Refusal() : cannot_change(error);
  struct stat out{};
  if (::fstatat(folder->get(), temporary.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0 && is_unchanged(seen, out) &&
      ::unlinkat(folder->get(), temporary.c_str(), 0) == 0)
    return Refusal();
  bring_back(folder->get(), temporary, folder->get(), name);
  return was_changed();
}

}  // namespace beffroi::daemon
