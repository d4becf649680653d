#include "tests/support/http_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace beffroi::daemon::testing {

int connect_unix(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

bool send_text(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string read_to_end(int socket) {
  std::string out;
  char buffer[16 * 1024];
  for (ssize_t got = 0; (got = ::read(socket, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  return out;
}

HttpReply parse_reply(const std::string& raw) {
  HttpReply out;
  const auto end = raw.find("\r\n\r\n");
  if (end == std::string::npos || raw.size() < 12) return out;
  const std::string head = raw.substr(0, end + 2);
  std::string rest = raw.substr(end + 4);
  out.status = std::atoi(raw.c_str() + 9);
  const auto field = [&head](const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return std::string();
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  };
  out.type = field("Content-Type");
  if (field("Transfer-Encoding") != "chunked") {
    out.whole = std::to_string(rest.size()) == field("Content-Length");
    out.body = std::move(rest);
    return out;
  }
  while (!rest.empty()) {
    const std::size_t length = std::strtoul(rest.c_str(), nullptr, 16);
    const auto from = rest.find("\r\n") + 2;
    out.whole = length == 0;
    if (length == 0 || from + length > rest.size()) break;
    out.body += rest.substr(from, length);
    rest.erase(0, from + length + 2);
  }
  return out;
}

HttpReply http(const std::string& socket_path, const std::string& method, const std::string& target,
               const std::string& body) {
  const int socket = connect_unix(socket_path);
  if (socket < 0) return {};
  send_text(socket, method + " " + target + " HTTP/1.1\r\nHost: local\r\nConnection: close\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body);
  const HttpReply out = parse_reply(read_to_end(socket));
  ::close(socket);
  return out;
}

}  // namespace beffroi::daemon::testing
