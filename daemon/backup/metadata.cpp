#include "daemon/backup/metadata.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <expected>

#include "daemon/vault/file_descriptor.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

constexpr std::size_t kMaxXattrListBytes = 64 * 1024;  // the kernel's XATTR_LIST_MAX
constexpr std::size_t kMaxLinkTargetBytes = 64 * 1024;
// With more than this an entry would not fit its leaf.
constexpr std::size_t kMaxXattrBytesInAll = 512 * 1024;

// linux/magic.h lacks some of them.
constexpr std::array<std::uint32_t, 8> kNetworkMagics = {
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x65735546,  // FUSE
    0x01021997,  // 9P
    0x5346414F,  // AFS
    0x00C36400,  // Ceph
};

std::optional<EntryType> entry_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return EntryType::file;
    case S_IFDIR:
      return EntryType::directory;
    case S_IFLNK:
      return EntryType::symlink;
    case S_IFIFO:
      return EntryType::fifo;
    case S_IFCHR:
      return EntryType::character_device;
    case S_IFBLK:
      return EntryType::block_device;
    default:
      return std::nullopt;
  }
}

Result<std::string> read_link(int folder, const std::string& name) {
  std::string target(4096, '\0');
  for (;;) {
    const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (length < 0)
      return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, N_("Cannot read this link: {}."),
                  errno_text());
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return target;
    }
    if (target.size() >= kMaxLinkTargetBytes)
      return fail(ErrorCode::io, N_("Cannot read this link: {}."), errno_text(ENAMETOOLONG));
    target.resize(target.size() * 2);
  }
}

/// Names of the attributes, NUL-terminated each; nullopt when they can't be listed.
std::optional<std::string> list_xattrs(const char* path) {
  std::string names(1024, '\0');
  ssize_t length = ::llistxattr(path, names.data(), names.size());
  if (length < 0 && errno == ERANGE) {
    names.resize(kMaxXattrListBytes);
    length = ::llistxattr(path, names.data(), names.size());
  }
  if (length < 0 && errno != ENOTSUP && errno != ENOENT) return std::nullopt;
  names.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return names;
}

/// errno when it can't be read; ENODATA: it is gone.
std::expected<Bytes, int> read_xattr(const char* path, const char* name) {
  Bytes value(256);
  for (;;) {
    const ssize_t length = ::lgetxattr(path, name, value.data(), value.size());
    if (length >= 0) {
      value.resize(static_cast<std::size_t>(length));
      return value;
    }
    if (errno != ERANGE || value.size() >= storage::kMaxXattrValueBytes) return std::unexpected(errno);
    value.resize(storage::kMaxXattrValueBytes);
  }
}

struct Attributes {
  std::vector<storage::ExtendedAttribute> kept;
  std::vector<std::string> lost;
};

Attributes read_xattrs(int folder, const std::string& name) {
  // By way of /proc: there is no llistxattrat(), and opening each file would need the right to read it.
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
  const std::optional<std::string> names = list_xattrs(path.c_str());
  Attributes out;
  if (!names) {
    out.lost.emplace_back();
    return out;
  }
  std::size_t total = 0;
  for (std::size_t at = 0; at < names->size();) {
    const std::string attribute(names->c_str() + at);
    at += attribute.size() + 1;
    auto value = read_xattr(path.c_str(), attribute.c_str());
    if (!value && value.error() == ENODATA) continue;
    const std::size_t bytes = attribute.size() + (value ? value->size() : 0);
    if (!value || total + bytes > kMaxXattrBytesInAll || out.kept.size() == storage::kMaxXattrs) {
      out.lost.push_back(attribute);
      continue;
    }
    total += bytes;
    out.kept.push_back({attribute, std::move(*value)});
  }
  std::sort(out.kept.begin(), out.kept.end());
  return out;
}

/// Is what `now` describes what `seen` described, as far as anybody's rights to it go?
bool is_same_thing(const struct stat& seen, const struct stat& now, bool network) {
  if (seen.st_uid != now.st_uid || seen.st_gid != now.st_gid || seen.st_mode != now.st_mode) return false;
  return network || (seen.st_dev == now.st_dev && seen.st_ino == now.st_ino);
}

bool has_same_change_time(const struct stat& a, const struct stat& b) {
  return a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

/// Attributes are read by name, so something else may have had that name meanwhile, and for that moment only: a rename
/// shows in the change time. What just changes (a folder in which files are made) is read again.
Result<Attributes> read_own_xattrs(int folder, const std::string& name, const struct stat& status, bool network) {
  constexpr int kAttempts = 3;
  struct stat before = status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto out = read_xattrs(folder, name);
    // Nothing can take the place of an open folder.
    if (out.kept.empty() || name == ".") return out;
    struct stat after{};
    if (::fstatat(folder, name.c_str(), &after, AT_SYMLINK_NOFOLLOW) != 0)
      return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, N_("Cannot read this file: {}."),
                  errno_text());
    if (!is_same_thing(status, after, network)) break;
    if (network || has_same_change_time(before, after)) return out;
    before = after;
  }
  return fail(ErrorCode::io, N_("This file was replaced by another one before it was read."));
}

/// The attribute by which readers are judged besides the mode.
const Bytes* access_list(const Entry& entry) {
  const auto found = std::find_if(entry.xattrs.begin(), entry.xattrs.end(),
                                  [](const auto& attribute) { return attribute.name == "system.posix_acl_access"; });
  return found == entry.xattrs.end() ? nullptr : &found->value;
}

}  // namespace

const std::string& MetadataReader::user_name(uid_t uid) {
  const auto [found, is_new] = users_.try_emplace(uid);
  if (is_new) {
    std::array<char, 16384> buffer{};
    struct passwd record{};
    struct passwd* result = nullptr;
    if (::getpwuid_r(uid, &record, buffer.data(), buffer.size(), &result) == 0 && result != nullptr)
      found->second = record.pw_name;
  }
  return found->second;
}

const std::string& MetadataReader::group_name(gid_t gid) {
  const auto [found, is_new] = groups_.try_emplace(gid);
  if (is_new) {
    std::array<char, 65536> buffer{};
    struct group record{};
    struct group* result = nullptr;
    if (::getgrgid_r(gid, &record, buffer.data(), buffer.size(), &result) == 0 && result != nullptr)
      found->second = record.gr_name;
  }
  return found->second;
}

bool MetadataReader::are_names_of(const Entry& entry) {
  return entry.user == user_name(entry.uid) && entry.group == group_name(entry.gid);
}

Result<std::optional<Entry>> MetadataReader::read(int folder, const std::string& name, const struct stat& status,
                                                  bool network) {
  const auto type = entry_type(status.st_mode);
  if (!type) return std::nullopt;
  Entry entry;
  entry.type = *type;
  entry.mode = status.st_mode & 07777U;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.user = user_name(status.st_uid);
  entry.group = group_name(status.st_gid);
  entry.mtime_s = status.st_mtim.tv_sec;
  entry.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  BEFFROI_TRY(auto attributes, read_own_xattrs(folder, name, status, network));
  entry.xattrs = std::move(attributes.kept);
  lost_attributes_ = std::move(attributes.lost);
  if (*type == EntryType::symlink) {
    BEFFROI_TRY(entry.link_target, read_link(folder, name));
  }
  if (*type == EntryType::character_device || *type == EntryType::block_device) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  return entry;
}

bool is_network_file_system(int descriptor) {
  struct statfs facts{};
  if (::fstatfs(descriptor, &facts) != 0) return false;
  return std::find(kNetworkMagics.begin(), kNetworkMagics.end(), static_cast<std::uint32_t>(facts.f_type)) !=
         kNetworkMagics.end();
}

bool MetadataReader::is_network(int folder) const { return is_network_file_system(folder); }

bool opens_wider(const Entry& now, const Entry& before) {
  constexpr std::uint32_t kAccessBits = 0777;
  if (now.uid != before.uid || now.gid != before.gid || (now.mode & ~before.mode & kAccessBits) != 0) return true;
  const Bytes* const list = access_list(now);
  const Bytes* const list_before = access_list(before);
  return (list == nullptr) != (list_before == nullptr) || (list != nullptr && *list != *list_before);
}

storage::FileFingerprint fingerprint_of(const struct stat& status, bool network) {
  storage::FileFingerprint out;
  out.size = static_cast<std::uint64_t>(status.st_size);
  out.mtime_s = status.st_mtim.tv_sec;
  out.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  if (network) return out;
  out.ctime_s = status.st_ctim.tv_sec;
  out.ctime_ns = static_cast<std::uint32_t>(status.st_ctim.tv_nsec);
  out.inode = status.st_ino;
  out.device = status.st_dev;
  return out;
}

}  // namespace beffroi::daemon
