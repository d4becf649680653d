// A blocking HTTP client on a Unix socket, as small as tests need: one request, one connection.
#pragma once

#include <string>
#include <string_view>

namespace beffroi::daemon::testing {

/// A connected socket, or -1.
int connect_unix(const std::string& path);

bool send_text(int socket, std::string_view text);

std::string read_to_end(int socket);

struct HttpReply {
  int status = 0;
  std::string type;
  std::string body;    ///< chunks joined
  bool whole = false;  ///< as long as announced, or ended by the last chunk
};

HttpReply parse_reply(const std::string& raw);

HttpReply http(const std::string& socket_path, const std::string& method, const std::string& target,
               const std::string& body = {});

}  // namespace beffroi::daemon::testing
