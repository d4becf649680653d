// HTTP to a daemon's Unix socket (libcurl), as docs/api.md describes it. Blocking; one request at a time; not
// thread-safe. Errors that the daemon answers come back as they are; those of the transport itself:
//   unreachable, text kDaemonSilent: nobody answers there (exit 4)    refused: the socket may not be used
//   protocol: the answer was cut or is not what the API says          cancelled: Ctrl-C
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "crypto/bytes.h"
#include "crypto/result.h"

namespace beffroi::client {

/// The msgid that tells a silent daemon from a silent peer, which has the same code.
extern const char* const kStationSilent;
extern const char* const kPeerSilent;

/// An answer that is not streamed is never longer.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{64} * 1024 * 1024;
/// Nor a line of a streamed one.
inline constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024 * 1024;

using EventSink = std::function<Result<void>(const nlohmann::json& event)>;
using OctetSink = std::function<Result<void>(ByteView bytes)>;

class Http {
 public:
  /// `silent`: kStationSilent or kPeerSilent. Connects at the first request.
  Http(std::string socket, const char* silent);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  const std::string& socket() const { return socket_; }

  /// `target`: path and query, already encoded (see query_value).
  Result<nlohmann::json> get(const std::string& target);
  Result<nlohmann::json> send(const std::string& method, const std::string& target, const nlohmann::json& body);
  Result<Bytes> get_cbor(const std::string& target);
  /// The caller wipes both bodies when they hold secrets.
  Result<Bytes> post_cbor(const std::string& target, ByteView body);
  Result<nlohmann::json> post_cbor_for_json(const std::string& target, ByteView body);

  /// Streamed lines: every event but the last goes to `sink`; the last, of kind "result", is returned without its
  /// "event". An event of kind "error" becomes the error. An error of the sink stops the transfer.
  Result<nlohmann::json> get_events(const std::string& target, const EventSink& sink);
  Result<nlohmann::json> post_events(const std::string& target, const nlohmann::json& body, const EventSink& sink);
  Result<nlohmann::json> post_cbor_for_events(const std::string& target, ByteView body, const EventSink& sink);
  /// Streamed octets, in pieces of whatever size.
  Result<void> get_octets(const std::string& target, const OctetSink& sink);
  Result<void> post_octets(const std::string& target, const nlohmann::json& body, const OctetSink& sink);

 private:
  struct Request;
  struct Exchange;
  Result<void> exchange(const Request& request, const OctetSink& sink);
  Result<Bytes> whole(const Request& request);
  Result<nlohmann::json> whole_json(const Request& request);
  Result<nlohmann::json> events(const Request& request, const EventSink& sink);

  std::string socket_;
  const char* silent_;
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

/// Percent-encoding of one value of a query.
std::string query_value(std::string_view value);

}  // namespace beffroi::client
