// Which socket a command speaks to when none is named. The defaults are those of docs/cli.md.
#pragma once

#include <string>

namespace beffroi::client {

/// `named` (--socket), else $BEFFROI_SOCKET, else the user's station if its socket exists, else the system's.
std::string station_socket(const std::string& named);
/// `named`, else $BEFFROI_SOCKET, else the system's peer.
std::string peer_socket(const std::string& named);

}  // namespace beffroi::client
