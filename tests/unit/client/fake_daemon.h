// A daemon for the tests of commands: answers HTTP on a Unix socket with what it was told, and remembers what was
// asked.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "crypto/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace beffroi::client {

struct FakeRequest {
  std::string method, target, content_type, body;
};

/// One connection at a time, one request each. Ends with the test.
class FakeDaemon {
 public:
  FakeDaemon() : socket_(folder_.at("socket")), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 8) != 0)
      std::abort();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeDaemon() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  const std::string& socket() const { return socket_; }

  /// For "GET /v1/status" (the query is not looked at): this body with this status. A later answer replaces it.
  void answer(const std::string& request, const std::string& body, int status = 200) {
    answer_raw(request, whole(status, body));
  }
  void answer(const std::string& request, const Bytes& body) { answer_raw(request, whole(200, as_text(body))); }
  /// Exactly these bytes, then the connection is closed.
  void answer_raw(const std::string& request, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    answers_[request] = bytes;
  }
  std::vector<FakeRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  static std::string whole(int status, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

 private:
  void serve() {
    for (;;) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      const FakeRequest request = read_request(connection);
      std::string out =
          whole(404, R"({"error":{"code":"not_found","text":"The test has no answer to {}.","args":["this"]}})");
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        const auto found = answers_.find(request.method + " " + request.target.substr(0, request.target.find('?')));
        if (found != answers_.end()) out = found->second;
      }
      for (std::size_t sent = 0; sent < out.size();) {
        const ssize_t step = send(connection, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
        if (step <= 0) break;
        sent += static_cast<std::size_t>(step);
      }
      close(connection);
    }
  }

  static std::string header(const std::string& head, const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }

  static FakeRequest read_request(int connection) {
    std::string text;
    std::size_t end = std::string::npos;
    std::size_t wanted = 0;
    char buffer[4096];
    while (end == std::string::npos || text.size() < end + 4 + wanted) {
      const ssize_t got = recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
      end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::string length = header(text.substr(0, end + 2), "Content-Length");
        wanted = length.empty() ? 0 : std::stoul(length);
      }
    }
    if (end == std::string::npos) return {};
    const std::string head = text.substr(0, end + 2);
    const auto first = head.find(' ');
    const auto second = head.find(' ', first + 1);
    return {head.substr(0, first), head.substr(first + 1, second - first - 1), header(head, "Content-Type"),
            text.substr(end + 4)};
  }

  TemporaryFolder folder_;
  std::string socket_;
  int listener_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::vector<FakeRequest> requests_;
  std::thread thread_;
};

}  // namespace beffroi::client
