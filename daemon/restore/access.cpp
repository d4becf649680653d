#include "daemon/restore/access.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <memory>

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

constexpr unsigned kRead = 4;
constexpr unsigned kSearch = 1;
constexpr unsigned kAllBits = 7;
constexpr std::size_t kNameBufferBytes = std::size_t{64} * 1024;

const std::string kAclName = "system.posix_acl_access";
// linux/posix_acl_xattr.h: le32 version 2, then entries of le16 tag, le16 permissions, le32 id.
constexpr std::size_t kAclHeaderBytes = 4;
constexpr std::size_t kAclEntryBytes = 8;
constexpr std::uint32_t kAclVersion = 2;
enum AclTag : unsigned { kUserOwner = 1, kUser = 2, kGroupOwner = 4, kGroup = 8, kMask = 16, kOther = 32 };

struct AclEntry {
  unsigned tag = 0;
  unsigned bits = 0;
  std::uint32_t id = 0;
};

const Bytes* find_acl(const Entry& entry) {
  const auto found = std::find_if(entry.xattrs.begin(), entry.xattrs.end(),
                                  [](const auto& attribute) { return attribute.name == kAclName; });
  return found == entry.xattrs.end() ? nullptr : &found->value;
}

std::optional<std::vector<AclEntry>> parse_acl(ByteView value) {
  if (value.size() < kAclHeaderBytes || (value.size() - kAclHeaderBytes) % kAclEntryBytes != 0 ||
      get_le32(value.data()) != kAclVersion)
    return std::nullopt;
  std::vector<AclEntry> out;
  for (std::size_t at = kAclHeaderBytes; at < value.size(); at += kAclEntryBytes) {
    const std::uint32_t head = get_le32(value.data() + at);
    out.push_back({head & 0xFFFFU, (head >> 16U) & kAllBits, get_le32(value.data() + at + 4)});
  }
  return out;
}

bool has_group(const ReadRights& who, gid_t gid) {
  return std::find(who.gids.begin(), who.gids.end(), gid) != who.gids.end();
}

bool owns(const ReadRights& who, const Entry& entry) {
  return entry.uid == who.uid && (!who.names || (!entry.user.empty() && entry.user == who.names->user));
}

bool is_in_group_of(const ReadRights& who, const Entry& entry) {
  if (!has_group(who, entry.gid)) return false;
  if (!who.names) return true;
  const auto name = who.names->groups.find(entry.gid);
  return name != who.names->groups.end() && !name->second.empty() && name->second == entry.group;
}

/// What all lines for named users and groups grant.
unsigned common_to_named(const std::vector<AclEntry>& acl) {
  unsigned out = kAllBits;
  for (const AclEntry& line : acl)
    if (line.tag == kUser || line.tag == kGroup) out &= line.bits;
  return out;
}

/// acl(5), "access check algorithm", for one who is not the owner. Only a single group entry that grants all that is
/// asked counts; as each right is asked by itself here, the union says the same.
unsigned acl_permissions(const std::vector<AclEntry>& acl, const Entry& entry, const ReadRights& who) {
  unsigned mask = kAllBits, other = 0, groups = 0;
  bool in_group = false;
  for (const AclEntry& line : acl) {
    if (line.tag == kMask) mask = line.bits;
    if (line.tag == kOther) other = line.bits;
  }
  for (const AclEntry& line : acl)
    if (!who.names && line.tag == kUser && line.id == who.uid) return line.bits & mask;
  for (const AclEntry& line : acl) {
    const bool mine = (line.tag == kGroupOwner && is_in_group_of(who, entry)) ||
                      (!who.names && line.tag == kGroup && has_group(who, line.id));
    if (!mine) continue;
    in_group = true;
    groups |= line.bits & mask;
  }
  const unsigned granted = in_group ? groups : other;
  return who.names ? granted & common_to_named(acl) : granted;
}

/// Follows a walk: remembers what the folders above the present entry grant.
class AccessFilter {
 public:
  AccessFilter(const storage::ObjectOpener& opener, const storage::ObjectId& root, ReadRights who,
               std::set<std::string> named)
      : opener_(opener), root_(root), who_(std::move(who)), named_(std::move(named)) {}

  bool may_read(const Entry& entry) {
    if (who_.is_admin) return true;
    const Parent parent = parent_of(entry.path);
    if (entry.type == EntryType::directory) remember(entry, parent.searchable);
    const bool known = parent.listable || named_.contains(entry.path);
    const bool needs_read = entry.type == EntryType::file || entry.type == EntryType::directory;
    return parent.searchable && known && (!needs_read || (permissions_of(entry, who_) & kRead) != 0);
  }

 private:
  struct Folder {
    std::string path;
    bool searchable = false;  ///< with all that are above it
    bool listable = false;    ///< itself
  };

  /// What the folder above something grants.
  struct Parent {
    bool searchable = true;  ///< and all folders above it
    bool listable = true;    ///< its names may be read
  };

  Parent parent_of(const std::string& path) {
    if (path.empty()) return {};
    const std::size_t end = path.rfind('\0');
    return rights_in(end == std::string::npos ? std::string() : path.substr(0, end));
  }

  Parent rights_in(const std::string& folder) {
    while (!folders_.empty() && !storage::is_at_or_below(folder, folders_.back().path)) folders_.pop_back();
    if (!folders_.empty() && folders_.back().path == folder)
      return {folders_.back().searchable, folders_.back().listable};
    if (!folders_.empty() && !folders_.back().searchable) return {false, false};
    // Outside what was selected: nobody has asked about it.
    const bool above = parent_of(folder).searchable;
    const auto found = storage::TreeReader(opener_, root_).find(folder);
    const unsigned granted = above && found && *found ? permissions_of(**found, who_) : 0;
    folders_.push_back({folder, (granted & kSearch) != 0, (granted & kRead) != 0});
    return {folders_.back().searchable, folders_.back().listable};
  }

  void remember(const Entry& folder, bool reachable) {
    while (!folders_.empty() && !storage::is_at_or_below(folder.path, folders_.back().path)) folders_.pop_back();
    if (!folders_.empty() && folders_.back().path == folder.path) return;
    const unsigned granted = permissions_of(folder, who_);
    folders_.push_back({folder.path, reachable && (granted & kSearch) != 0, (granted & kRead) != 0});
  }

  const storage::ObjectOpener opener_;
  const storage::ObjectId root_;
  const ReadRights who_;
  const std::set<std::string> named_;
  std::vector<Folder> folders_;
};

}  // namespace

AccountNames account_names(uid_t uid, const std::vector<gid_t>& gids) {
  std::vector<char> buffer(kNameBufferBytes);
  AccountNames out;
  passwd user{};
  passwd* user_found = nullptr;
  if (::getpwuid_r(uid, &user, buffer.data(), buffer.size(), &user_found) == 0 && user_found != nullptr)
    out.user = user.pw_name;
  for (const gid_t gid : gids) {
    ::group group{};
    ::group* group_found = nullptr;
    if (::getgrgid_r(gid, &group, buffer.data(), buffer.size(), &group_found) == 0 && group_found != nullptr)
      out.groups[gid] = group.gr_name;
  }
  return out;
}

unsigned permissions_of(const Entry& entry, const ReadRights& who) {
  if (who.is_admin || who.uid == 0) return kAllBits;
  if (owns(who, entry)) return (entry.mode >> 6U) & kAllBits;
  if (const Bytes* value = find_acl(entry)) {
    const auto acl = parse_acl(*value);
    return acl ? acl_permissions(*acl, entry, who) : 0;
  }
  return (is_in_group_of(who, entry) ? entry.mode >> 3U : entry.mode) & kAllBits;
}

EntryFilter make_access_filter(const storage::ObjectOpener& opener, const storage::ObjectId& root, ReadRights who,
                               std::set<std::string> named) {
  who.is_admin = who.is_admin || who.uid == 0;
  auto filter = std::make_shared<AccessFilter>(opener, root, std::move(who), std::move(named));
  return [filter](const Entry& entry) { return filter->may_read(entry); };
}

}  // namespace beffroi::daemon
