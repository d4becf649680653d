#include "daemon/share/shared_entry.h"

#include <cstdlib>

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

namespace {

constexpr std::uint32_t kSharedBits = 0777;
constexpr std::uint32_t kOwnersFileBits = 0600;
constexpr std::uint32_t kOwnersFolderBits = 0700;
constexpr std::uint32_t kStrangersWrite = 0002;
/// In what is written as attributes: where it says what it is.
constexpr std::size_t kMarkKind = 16;
constexpr std::uint8_t kMetadata = 1, kRightsNotSet = 2;

/// Rights and time as they are shared. (The attributes themselves aren't, so their place in the row is free.)
storage::Digest metadata_mark(const Entry& entry) {
  storage::Digest out;
  put_le32(&out.data[0], shared_mode(entry.type, entry.mode));
  put_le64(&out.data[4], static_cast<std::uint64_t>(entry.mtime_s));
  put_le32(&out.data[12], entry.mtime_ns);
  out.data[kMarkKind] = kMetadata;
  return out;
}

}  // namespace

std::uint32_t shared_mode(EntryType type, std::uint32_t mode) {
  // The system gives every link the same ones.
  if (type == EntryType::symlink) return kSharedBits;
  const std::uint32_t owners = type == EntryType::directory ? kOwnersFolderBits : kOwnersFileBits;
  return ((mode & kSharedBits) | owners) & ~kStrangersWrite;
}

void set_shared_metadata(Entry& entry, const struct stat& status) {
  entry.mode = shared_mode(entry.type, status.st_mode);
  entry.uid = entry.gid = 0;
  entry.user.clear();
  entry.group.clear();
  const bool is_folder = entry.type == EntryType::directory;
  entry.mtime_s = is_folder ? 0 : status.st_mtim.tv_sec;
  entry.mtime_ns = is_folder ? 0 : static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
}

Entry shared_entry(const struct stat& status) {
  Entry entry;
  entry.type = S_ISDIR(status.st_mode)   ? EntryType::directory
               : S_ISLNK(status.st_mode) ? EntryType::symlink
                                         : EntryType::file;
  set_shared_metadata(entry, status);
  return entry;
}

bool has_same_metadata(const Entry& shared, const Entry& other) {
  if (shared.type != other.type) return false;
  if (shared_mode(shared.type, shared.mode) != shared_mode(other.type, other.mode)) return false;
  if (shared.mtime_s == other.mtime_s && shared.mtime_ns == other.mtime_ns) return true;
  return (shared.mtime_ns == 0 || other.mtime_ns == 0) && std::abs(shared.mtime_s - other.mtime_s) <= 1;
}

storage::CachedFile cached_as(const Entry& entry, const storage::FileFingerprint& fingerprint) {
  return {.fingerprint = fingerprint, .content_digest = entry.content_digest, .attributes = metadata_mark(entry)};
}

bool vouches_for(const storage::CachedFile& cached, const Entry& entry) {
  return entry.type == EntryType::file && cached.content_digest == entry.content_digest &&
         cached.attributes == metadata_mark(entry);
}

storage::CachedFile rights_not_set(const Entry& entry, const struct stat& status) {
  storage::Digest mark;
  put_le32(&mark.data[0], entry.mode);
  put_le32(&mark.data[4], status.st_mode & kSharedBits);
  mark.data[kMarkKind] = kRightsNotSet;
  // No inode: those of FAT change.
  return {.fingerprint = {}, .content_digest = {}, .attributes = mark};
}

std::uint32_t shared_rights(const std::optional<storage::CachedFile>& cached, const struct stat& status) {
  const mode_t here = status.st_mode & kSharedBits;
  if (!cached || !cached->attributes || cached->attributes->data[kMarkKind] != kRightsNotSet) return here;
  const auto& mark = cached->attributes->data;
  return get_le32(&mark[4]) == here ? get_le32(&mark[0]) & kSharedBits : here;
}

bool is_quiet(const struct stat& status, std::chrono::milliseconds wall, std::chrono::milliseconds quiet) {
  const auto changed =
      std::chrono::seconds(status.st_mtim.tv_sec) +
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(status.st_mtim.tv_nsec));
  // A time in the future was set by hand, or by another machine: nobody can wait for it.
  return changed > wall + kQuiet || changed + quiet <= wall;
}

}  // namespace beffroi::daemon
