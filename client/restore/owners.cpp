#include "client/restore/owners.h"

#include <grp.h>
#include <pwd.h>

#include <optional>

namespace beffroi::client {

uid_t Owners::user_of(const storage::Entry& entry) {
  if (by_number_ || entry.user.empty()) return entry.uid;
  const auto [at, is_new] = users_.try_emplace(entry.user);
  if (is_new)
    if (const passwd* const found = getpwnam(entry.user.c_str()); found != nullptr) at->second = found->pw_uid;
  return at->second.value_or(entry.uid);
}

gid_t Owners::group_of(const storage::Entry& entry) {
  if (by_number_ || entry.group.empty()) return entry.gid;
  const auto [at, is_new] = groups_.try_emplace(entry.group);
  if (is_new)
    if (const group* const found = getgrnam(entry.group.c_str()); found != nullptr) at->second = found->gr_gid;
  return at->second.value_or(entry.gid);
}

}  // namespace beffroi::client
