#include <grp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <filesystem>
#include <set>

#include "crypto/secret.h"
#include "daemon/api/http_parser.h"

namespace beffroi::daemon {
namespace {

using Socket = asio::local::stream_protocol::socket;
constexpr auto kTuple = asio::experimental::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::chrono::milliseconds kAcceptPause{200};

std::string_view status_words(int status) {
  switch (status) {
    case 200:
      return "200 OK";
    case 400:
      return "400 Bad Request";
    case 403:
      return "403 Forbidden";
    case 404:
      return "404 Not Found";
    case 409:
      return "409 Conflict";
    default:
      return "500 Internal Server Error";
  }
}

/// What stands before the bytes of a chunk.
std::string chunk_head(std::size_t length) {
  char head[24];
  return {head, static_cast<std::size_t>(std::snprintf(head, sizeof head, "%zx\r\n", length))};
}

/// One connection: socket, watchdog timer, and whether the client is still there.
class Connection final : public HttpExchange, public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Socket socket)
      : socket_(std::move(socket)), handle_(socket_.native_handle()), timer_(socket_.get_executor()) {}

  asio::awaitable<void> serve(const HttpHandler& handler, const std::string& admin_group) {
    const Caller caller = identify_caller(socket_.native_handle(), admin_group);
    while (!gone_) {
      waiting_ = pending_.empty();
      auto request = co_await read_request();
      waiting_ = false;
      if (!request) {
        if (request.error().code == ErrorCode::usage || request.error().code == ErrorCode::limit_exceeded) {
          co_await reply(400, "text/plain", request.error().message() + "\n");
        }
        break;
      }
      request->caller = caller;
      answered_ = false;
      co_await handler(*request, *this);
      crypto::wipe(request->body);
      if (!answered_ || !keep_alive_ || stopping_) break;
    }
    close();
  }

  asio::awaitable<void> reply(int status, std::string content_type, std::string body) override {
    std::string head = "HTTP/1.1 " + std::string(status_words(status)) + "\r\nContent-Type: " + content_type +
                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    const auto sent = co_await send(std::array<asio::const_buffer, 2>{asio::buffer(head), asio::buffer(body)});
    answered_ = sent.has_value();
  }

  asio::awaitable<Result<void>> begin(std::string content_type) override {
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: " + content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n";
    co_return co_await send(asio::buffer(head));
  }

  asio::awaitable<Result<void>> write(Bytes data) override {
    if (data.empty()) co_return Result<void>{};
    const std::string head = chunk_head(data.size());
    const std::array<asio::const_buffer, 3> parts = {asio::buffer(head), asio::buffer(data), asio::buffer("\r\n", 2)};
    co_return co_await send(parts);
  }

  asio::awaitable<void> end() override {
    const auto sent = co_await send(asio::buffer("0\r\n\r\n", 5));
    answered_ = sent.has_value();
  }

  Result<void> write_blocking(Bytes data) override {
    if (gone_) return client_gone();
    auto written = asio::co_spawn(socket_.get_executor(), write(std::move(data)), asio::use_future);
    return written.get();
  }

  /// Looks at the socket itself: nobody reads from it while a request is answered, nor writes when there is nothing to
  /// say. A client that only closed its sending half is still there.
  bool gone() const override {
    pollfd look{.fd = handle_, .events = 0, .revents = 0};
    return gone_ || (::poll(&look, 1, 0) == 1 && (look.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
  }

  void stop() {
    stopping_ = true;
    if (waiting_) close();
  }

  void close() {
    gone_ = true;
    timer_.cancel();
    asio::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  static std::unexpected<Error> client_gone() {
    return fail(ErrorCode::cancelled, N_("The command that asked for this has ended."));
  }

  /// The connection is cut when nothing moves for too long.
  void arm() {
    timer_.expires_after(std::chrono::seconds(kHttpTimeoutS));
    timer_.async_wait([self = weak_from_this()](const asio::error_code& error) {
      if (const auto alive = self.lock(); alive && !error) alive->close();
    });
  }

  asio::awaitable<Result<HttpRequest>> read_request() {
    HttpParser parser;
    while (!parser.done()) {
      if (pending_.empty()) {
        pending_.resize(kReadBytes);
        arm();
        const auto [error, length] = co_await socket_.async_read_some(asio::buffer(pending_), kTuple);
        timer_.cancel();
        pending_.resize(error ? 0 : length);
        if (error) co_return client_gone();
      }
      const auto used = parser.feed(pending_);
      if (!used) co_return forward_error(used);
      if (*used == 0 && pending_.size() >= kMaxHttpHeaderBytes)
        co_return fail(ErrorCode::limit_exceeded, N_("The request is too long."));
      const bool needs_more = *used < pending_.size() && !parser.done();
      // A request may hold a secret (the kit's transport key): no copy stays behind in the buffer.
      crypto::wipe(std::span(pending_).first(*used));
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(*used));
      if (needs_more) BEFFROI_CO_CHECK(co_await read_more());
    }
    keep_alive_ = parser.keep_alive();
    co_return parser.take();
  }

  /// Adds to bytes that the parser could not use alone (half a header).
  asio::awaitable<Result<void>> read_more() {
    const std::size_t had = pending_.size();
    if (had > kMaxHttpHeaderBytes) co_return fail(ErrorCode::limit_exceeded, N_("The request is too long."));
    pending_.resize(had + kReadBytes);
    arm();
    const auto [error, length] =
        co_await socket_.async_read_some(asio::buffer(pending_.data() + had, kReadBytes), kTuple);
    timer_.cancel();
    pending_.resize(had + (error ? 0 : length));
    if (error) co_return client_gone();
    co_return Result<void>{};
  }

  /// What the buffers name stays the caller's until all is sent.
  template <class Buffers>
  asio::awaitable<Result<void>> send(Buffers buffers) {
    if (gone_) co_return client_gone();
    arm();
    const auto [error, length] = co_await asio::async_write(socket_, buffers, kTuple);
    timer_.cancel();
    if (error) {
      gone_ = true;
      co_return client_gone();
    }
    co_return Result<void>{};
  }

  Socket socket_;
  const int handle_;  ///< its descriptor, for gone()
  asio::steady_timer timer_;
  Bytes pending_;
  std::atomic<bool> gone_{false};
  bool answered_ = false;
  bool keep_alive_ = true;
  bool waiting_ = false;
  bool stopping_ = false;
};

class Server final : public HttpServer {
 public:
  Server(asio::local::stream_protocol::acceptor acceptor, Options options, HttpHandler handler)
      : acceptor_(std::move(acceptor)),
        pause_(acceptor_.get_executor()),
        options_(std::move(options)),
        handler_(std::make_shared<HttpHandler>(std::move(handler))) {}
  ~Server() override { stop(); }

  void start() override { accept(); }

  void stop() override {
    if (stopped_) return;
    stopped_ = true;
    asio::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    unlink(options_.socket_path.c_str());
    for (const auto& weak : connections_) {
      if (const auto connection = weak.lock()) connection->stop();
    }
  }

  std::size_t connections() const override {
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& weak) { return !weak.expired(); }));
  }

  void cut() override {
    for (const auto& weak : connections_) {
      if (const auto connection = weak.lock()) connection->close();
    }
  }

 private:
  void accept() {
    acceptor_.async_accept([this, alive = std::weak_ptr<bool>(alive_)](const asio::error_code& error, Socket socket) {
      if (alive.expired() || stopped_) return;
      if (!error) {
        take(std::move(socket));
        accept();
      } else if (error != asio::error::operation_aborted) {
        accept_later();
      }
    });
  }

  /// Out of file descriptors, most likely: trying again at once would only heat the room.
  void accept_later() {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const asio::error_code& error) {
      if (!alive.expired() && !stopped_ && !error) accept();
    });
  }

  void take(Socket socket) {
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    if (connections_.size() >= kMaxHttpConnections) return;
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections_.push_back(connection);
    auto session = [](std::shared_ptr<Connection> self, std::shared_ptr<HttpHandler> handler,
                      std::string group) -> asio::awaitable<void> { co_await self->serve(*handler, group); };
    asio::co_spawn(acceptor_.get_executor(), session(connection, handler_, options_.admin_group), asio::detached);
  }

  asio::local::stream_protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  Options options_;
  std::shared_ptr<HttpHandler> handler_;
  std::vector<std::weak_ptr<Connection>> connections_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool stopped_ = false;
};

Result<void> prepare_path(const asio::any_io_executor& executor, const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const auto there = std::filesystem::symlink_status(path, error);
  if (std::filesystem::exists(there) && !std::filesystem::is_socket(there)) {
    return fail(ErrorCode::already_exists, N_("{} is in the way of the socket: choose another path."), path);
  }
  Socket probe(executor);
  asio::error_code refused;
  probe.connect(asio::local::stream_protocol::endpoint(path), refused);
  if (!refused) return fail(ErrorCode::busy, N_("Another beffroid already listens on {}. Stop it first."), path);
  std::filesystem::remove(path, error);
  return {};
}

void set_rights(const HttpServer::Options& options) {
  mode_t mode = options.open_to_everybody ? 0666 : 0660;
  const group* admins = getgrnam(options.admin_group.c_str());
  // A user's own daemon can't give its socket to a group: then only the user and root can connect.
  if (admins != nullptr && chown(options.socket_path.c_str(), static_cast<uid_t>(-1), admins->gr_gid) != 0) {
    spdlog::debug("the socket keeps its group");
  }
  if (admins == nullptr && !options.open_to_everybody) mode = 0600;
  if (chmod(options.socket_path.c_str(), mode) != 0) spdlog::warn("the socket's mode could not be set");
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::any_io_executor executor, const Options& options,
                                                       HttpHandler handler) {
  if (options.socket_path.size() >= 108) {
    return fail(ErrorCode::usage, N_("The socket path {} is too long: 107 characters are the most."),
                options.socket_path);
  }
  BEFFROI_CHECK(prepare_path(executor, options.socket_path));
  asio::local::stream_protocol::acceptor acceptor(executor);
  asio::error_code error;
  acceptor.open(asio::local::stream_protocol(), error);
  // Nobody may connect before the rights are set.
  const mode_t before = umask(0177);
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(options.socket_path), error);
  umask(before);
  if (!error) set_rights(options);
  if (!error) acceptor.listen(64, error);
  if (error) return fail(ErrorCode::io, N_("The socket {} can't be made: {}."), options.socket_path, error.message());
  return std::make_unique<Server>(std::move(acceptor), options, std::move(handler));
}

}  // namespace beffroi::daemon
