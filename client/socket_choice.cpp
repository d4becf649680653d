#include "client/socket_choice.h"

#include <sys/stat.h>

#include <cstdlib>

namespace beffroi::client {
namespace {

constexpr const char* kSystemStation = "/run/beffroi-station/station.sock";
constexpr const char* kSystemPeer = "/run/beffroi-peer/peer.sock";

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string named_somewhere(const std::string& named) {
  return named.empty() ? from_environment("BEFFROI_SOCKET") : named;
}

}  // namespace

std::string station_socket(const std::string& named) {
  if (std::string chosen = named_somewhere(named); !chosen.empty()) return chosen;
  if (const std::string runtime = from_environment("XDG_RUNTIME_DIR"); !runtime.empty()) {
    std::string user = runtime + "/beffroi/station.sock";
    struct stat info{};
    if (stat(user.c_str(), &info) == 0) return user;
  }
  return kSystemStation;
}

std::string peer_socket(const std::string& named) {
  const std::string chosen = named_somewhere(named);
  return chosen.empty() ? kSystemPeer : chosen;
}

}  // namespace beffroi::client
