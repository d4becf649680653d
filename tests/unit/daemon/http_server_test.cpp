// The local API's server on a real Unix socket.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "daemon/api/http.h"
#include "daemon/service/pool.h"
#include "tests/support/http_client.h"
#include "tests/support/protocol_thread.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::connect_unix;
using testing::http;
using testing::ProtocolThread;
using testing::TemporaryFolder;

class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override {
    if (server_) thread_.call([this] { server_.reset(); });
    thread_.end();
  }
  std::string socket() const { return folder_.path() + "/run/socket"; }
  HttpServer::Options options() const { return {.socket_path = socket(), .admin_group = "no-such-group"}; }
  void serve(HttpHandler handler) {
    thread_.call([&] {
      auto server = HttpServer::listen(thread_.executor(), options(), std::move(handler));
      ASSERT_TRUE(server.has_value());
      server_ = std::move(*server);
      server_->start();
    });
  }

  TemporaryFolder folder_;
  ProtocolThread thread_;
  std::unique_ptr<HttpServer> server_;
};

asio::awaitable<void> echo(HttpRequest& request, HttpExchange& exchange) {
  co_await exchange.reply(200, "text/plain", request.method + " " + request.path + " " + request.body);
}

// Goal: a request comes to the handler as it was sent, with who sent it.
TEST_F(HttpServerTest, AnswersAndKnowsTheCaller) {
  Caller seen;
  serve([&seen](HttpRequest& request, HttpExchange& exchange) {
    seen = request.caller;
    return echo(request, exchange);
  });
  const auto reply = http(socket(), "POST", "/v1/a%20b?c=d", "hello");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.body, "POST /v1/a b hello");
  EXPECT_EQ(seen.uid, ::getuid());
  EXPECT_NE(std::find(seen.gids.begin(), seen.gids.end(), ::getgid()), seen.gids.end());
  EXPECT_TRUE(seen.is_admin) << "the daemon's own user";
}

// Goal: several requests on one connection.
TEST_F(HttpServerTest, KeepsTheConnectionOpenBetweenRequests) {
  serve(echo);
  const int client = connect_unix(socket());
  ASSERT_GE(client, 0);
  ASSERT_TRUE(testing::send_text(client, "GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\nConnection: close\r\n\r\n"));
  const std::string raw = testing::read_to_end(client);
  ::close(client);
  EXPECT_NE(raw.find("GET /one "), std::string::npos);
  EXPECT_NE(raw.find("GET /two "), std::string::npos);
}

// Goal: a worker thread streams chunks; they arrive whole and in order.
TEST_F(HttpServerTest, StreamsFromAWorkerThread) {
  Pool pool(1);
  const auto stream = [&pool](HttpRequest&, HttpExchange& exchange) -> asio::awaitable<void> {
    EXPECT_TRUE(co_await exchange.begin("application/octet-stream"));
    co_await pool.run([&exchange] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(exchange.write_blocking(Bytes(20'000, static_cast<std::uint8_t>(i))));
      return true;
    });
    co_await exchange.end();
  };
  serve(stream);
  const auto reply = http(socket(), "GET", "/");
  ASSERT_TRUE(reply.whole);
  ASSERT_EQ(reply.body.size(), 1'000'000U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(reply.body[i * 20'000 + 19'999], static_cast<char>(i));
}

// Goal: a client that leaves in the middle is noticed at a write, and the work can stop.
TEST_F(HttpServerTest, NoticesAClientThatLeft) {
  Pool pool(1);
  std::promise<ErrorCode> noticed;
  const auto stream = [&](HttpRequest&, HttpExchange& exchange) -> asio::awaitable<void> {
    EXPECT_TRUE(co_await exchange.begin("application/octet-stream"));
    co_await pool.run([&] {
      for (;;) {
        const auto written = exchange.write_blocking(Bytes(64 * 1024, 7));
        if (written) continue;
        noticed.set_value(written.error().code);
        return exchange.gone();
      }
    });
  };
  serve(stream);
  const int client = connect_unix(socket());
  ASSERT_TRUE(testing::send_text(client, "GET / HTTP/1.1\r\n\r\n"));
  char first = 0;
  ASSERT_EQ(::read(client, &first, 1), 1);
  ::close(client);
  EXPECT_EQ(noticed.get_future().get(), ErrorCode::cancelled);
}

// Goal: oversize and malformed requests get 400 and a closed connection, and the server lives on.
TEST_F(HttpServerTest, RefusesOversizeAndMalformedRequests) {
  serve(echo);
  const std::string endless_header = "GET / HTTP/1.1\r\nX: " + std::string(2 * kMaxHttpHeaderBytes, 'x');
  const std::string big_body = "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n";
  for (const std::string& text : {endless_header, big_body, std::string("nonsense\r\n\r\n")}) {
    const int client = connect_unix(socket());
    (void)testing::send_text(client, text);
    const std::string raw = testing::read_to_end(client);
    ::close(client);
    EXPECT_TRUE(raw.empty() || raw.starts_with("HTTP/1.1 400 ")) << raw.substr(0, 40);
  }
  EXPECT_EQ(http(socket(), "GET", "/still-there").status, 200);
}

// Goal: a client that sends half a request and waits is in nobody's way, and does not hold up the end.
TEST_F(HttpServerTest, StopsWithAClientInTheMiddleOfARequest) {
  serve(echo);
  const int slow = connect_unix(socket());
  ASSERT_TRUE(testing::send_text(slow, "GET / HTT"));
  EXPECT_EQ(http(socket(), "GET", "/other").status, 200);
  thread_.call([this] { server_->stop(); });
  EXPECT_EQ(testing::read_to_end(slow), "");
  ::close(slow);
  EXPECT_LT(connect_unix(socket()), 0);
}

// Goal: two daemons never share a socket; a dead socket file is replaced; another file is left alone.
TEST_F(HttpServerTest, GuardsItsSocketPath) {
  serve(echo);
  thread_.call([this] {
    EXPECT_EQ(HttpServer::listen(thread_.executor(), options(), echo).error().code, ErrorCode::busy);
    server_.reset();
  });
  std::ofstream(socket()) << "somebody's file";
  thread_.call([this] {
    EXPECT_EQ(HttpServer::listen(thread_.executor(), options(), echo).error().code, ErrorCode::already_exists);
  });
  struct stat status{};
  ASSERT_EQ(::stat(socket().c_str(), &status), 0);
  ::unlink(socket().c_str());
  // As a kill leaves it: bound, and nobody listens.
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket().c_str(), socket().size() + 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  serve(echo);
  EXPECT_EQ(http(socket(), "GET", "/").status, 200);
  ASSERT_EQ(::stat(socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U) << "no such group, not open to everybody: the owner alone";
}

}  // namespace
}  // namespace beffroi::daemon
