#include "daemon/api/caller.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace beffroi::daemon {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX
constexpr std::size_t kUserBufferBytes = 16 * 1024;
constexpr std::size_t kGroupBufferBytes = 64 * 1024;

std::vector<gid_t> supplementary_groups(int socket) {
  std::vector<gid_t> groups(64);
  for (;;) {
    auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0) {
      groups.resize(length / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE || groups.size() >= kMaxGroups) return {};
    groups.resize(std::min(kMaxGroups, length / sizeof(gid_t) + 1));
  }
}

std::optional<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(kGroupBufferBytes);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return found->gr_gid;
}

}  // namespace

Caller identify_caller(int socket, const std::string& admin_group) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return {.uid = kNobody, .gids = {}, .is_admin = false};
  Caller caller{.uid = credentials.uid, .gids = supplementary_groups(socket), .is_admin = false};
  caller.gids.push_back(credentials.gid);
  const auto admins = group_id(admin_group);
  const bool in_group = admins && std::ranges::find(caller.gids, *admins) != caller.gids.end();
  caller.is_admin = caller.uid == 0 || caller.uid == geteuid() || in_group;
  return caller;
}

std::string operator_name(const Caller& caller) {
  std::vector<char> buffer(kUserBufferBytes);
  passwd entry{};
  passwd* found = nullptr;
  const bool is_known = getpwuid_r(caller.uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  const std::string number = std::to_string(caller.uid);
  return is_known ? std::string("operator ") + found->pw_name + " (" + number + ")" : "operator " + number;
}

}  // namespace beffroi::daemon
