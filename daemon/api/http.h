// HTTP/1.1 on a Unix socket: just what the local API needs. Parsing is Beast's; the sockets are Asio's.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>

#include "crypto/bytes.h"
#include "crypto/result.h"
#include "daemon/api/caller.h"

namespace beffroi::daemon {

inline constexpr std::size_t kMaxHttpHeaderBytes = 32 * 1024;
inline constexpr std::size_t kMaxHttpBodyBytes = 1024 * 1024;
inline constexpr std::size_t kMaxHttpConnections = 64;
/// Longest silence of a client in the middle of a request or of a response that it does not read.
inline constexpr int kHttpTimeoutS = 120;

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string path;    ///< decoded, without the query
  std::map<std::string, std::string> query;
  std::string body;
  Caller caller;
};

/// One answer on its way. Use reply() once, or begin(), write()… and end(). Awaitable members belong to the protocol
/// thread; write_blocking() and gone() may be called from one worker thread at a time.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual asio::awaitable<void> reply(int status, std::string content_type, std::string body) = 0;
  /// Starts a chunked answer.
  virtual asio::awaitable<Result<void>> begin(std::string content_type) = 0;
  virtual asio::awaitable<Result<void>> write(Bytes data) = 0;
  virtual asio::awaitable<void> end() = 0;
  /// From a worker thread: waits until the socket has taken the bytes. ErrorCode::cancelled when the client is gone.
  virtual Result<void> write_blocking(Bytes data) = 0;
  /// The client closed the connection, or a write failed.
  virtual bool gone() const = 0;
};

/// May take the request apart (and wipe a body that held a secret). Must not throw.
using HttpHandler = std::function<asio::awaitable<void>(HttpRequest&, HttpExchange&)>;

/// Listens from start() to stop(). Lives on one executor; handlers run there as coroutines.
class HttpServer {
 public:
  struct Options {
    std::string socket_path;
    std::string admin_group;
    bool open_to_everybody = false;  ///< mode 0666 instead of 0660 with the admin group
  };
  /// Replaces a dead socket file. ErrorCode::busy when another daemon answers on it, already_exists when the path is no
  /// socket.
  static Result<std::unique_ptr<HttpServer>> listen(asio::any_io_executor executor, const Options& options,
                                                    HttpHandler handler);
  virtual ~HttpServer() = default;
  virtual void start() = 0;
  /// Takes no new requests; closes the connections that wait for one.
  virtual void stop() = 0;
  /// Closes all connections: handlers find their client gone.
  virtual void cut() = 0;
  /// Open ones.
  virtual std::size_t connections() const = 0;
};

/// Decodes %XX and '+'. nullopt when malformed.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace beffroi::daemon
