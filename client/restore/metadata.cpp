#include "client/restore/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace beffroi::client {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;
constexpr std::string_view kAclPrefix = "system.posix_acl_";

std::string proc_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

bool change_owner(int descriptor, uid_t user, gid_t group) {
  return fchownat(descriptor, "", user, group, AT_EMPTY_PATH) == 0;
}

void set_owner(OpenedFile file, Ownership owner, MetadataOutcome& out) {
  struct stat now{};
  if (fstat(file.descriptor, &now) != 0) {
    out.error = errno;
    return;
  }
  const auto [user, group] = owner;
  if (now.st_uid == user && now.st_gid == group) return;
  if (change_owner(file.descriptor, user, group)) return;
  // Somebody who is not root may still give a file to another group of their own.
  const bool group_set = now.st_gid == group || change_owner(file.descriptor, static_cast<uid_t>(-1), group);
  out.owner_kept = now.st_uid != user || !group_set;
}

bool set_attribute(OpenedFile file, const char* name, const Bytes& value) {
  if (!file.path_only) return fsetxattr(file.descriptor, name, value.data(), value.size(), 0) == 0;
  return setxattr(proc_path(file.descriptor).c_str(), name, value.data(), value.size(), 0) == 0;
}

void remove_attribute(OpenedFile file, const char* name) {
  if (!file.path_only)
    static_cast<void>(fremovexattr(file.descriptor, name));
  else
    static_cast<void>(removexattr(proc_path(file.descriptor).c_str(), name));
}

bool has_attribute(const storage::Entry& entry, std::string_view name) {
  for (const auto& attribute : entry.xattrs)
    if (attribute.name == name) return true;
  return false;
}

void drop_inherited_acls(OpenedFile file, const storage::Entry& entry) {
  if (entry.type == storage::EntryType::symlink) return;
  if (!has_attribute(entry, "system.posix_acl_access")) remove_attribute(file, "system.posix_acl_access");
  if (entry.type == storage::EntryType::directory && !has_attribute(entry, "system.posix_acl_default"))
    remove_attribute(file, "system.posix_acl_default");
}

// ACLs last: one that takes the owner's write permission away would forbid the others.
void set_attributes(OpenedFile file, const storage::Entry& entry, MetadataOutcome& out) {
  drop_inherited_acls(file, entry);
  for (const bool acls : {false, true})
    for (const auto& [name, value] : entry.xattrs)
      if (name.starts_with(kAclPrefix) == acls && !set_attribute(file, name.c_str(), value)) out.attributes_lost = true;
}

void set_mode(OpenedFile file, const storage::Entry& entry, bool privileged, MetadataOutcome& out) {
  if (entry.type == storage::EntryType::symlink) return;
  std::uint32_t mode = entry.mode;
  if ((mode & kSetIdBits) != 0 && (!privileged || out.owner_kept)) {
    mode &= ~kSetIdBits;
    out.set_id_dropped = true;
  }
  const int failed = file.path_only ? chmod(proc_path(file.descriptor).c_str(), mode) : fchmod(file.descriptor, mode);
  if (failed != 0 && out.error == 0) out.error = errno;
}

void set_times(OpenedFile file, const storage::Entry& entry, MetadataOutcome& out) {
  const timespec modified{static_cast<time_t>(entry.mtime_s), static_cast<long>(entry.mtime_ns)};
  const timespec times[2] = {{0, UTIME_NOW}, modified};
  const int failed =
      file.path_only ? utimensat(file.descriptor, "", times, AT_EMPTY_PATH) : futimens(file.descriptor, times);
  if (failed != 0 && out.error == 0) out.error = errno;
}

}  // namespace

bool is_just_made(int descriptor, mode_t type, uid_t maker) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return false;
  return (status.st_mode & S_IFMT) == type && status.st_uid == maker && (type == S_IFDIR || status.st_nlink == 1);
}

MetadataOutcome apply_metadata(OpenedFile file, const storage::Entry& entry, Ownership owner, bool privileged) {
  MetadataOutcome out;
  set_owner(file, owner, out);
  set_attributes(file, entry, out);
  set_mode(file, entry, privileged, out);
  set_times(file, entry, out);
  return out;
}

}  // namespace beffroi::client
