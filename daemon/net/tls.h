// TLS 1.3 over TCP: both sides prove an Ed25519 transport key by a self-signed certificate. No CA, names and dates
// ignored, no tickets, no early data. A key that `admit` refuses gets no further than the handshake. (Why the listener
// speaks first: with TLS 1.3 a refused client certificate shows only on the client's first read.)
#pragma once

#include <asio/any_io_executor.hpp>
#include <functional>

#include "daemon/net/channel.h"

namespace beffroi::daemon {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  /// "host:port", "[::1]:port", "host" (port `default_port`).
  static Result<Address> parse(std::string_view text, std::uint16_t default_port);
  std::string text() const;
};
inline constexpr std::uint16_t kDefaultPeerPort = 8440;
inline constexpr std::chrono::milliseconds kHandshakeTimeout{15'000};
inline constexpr std::size_t kMaxConnections = 512;
/// Connections of one admitted key; one more is closed without a word.
inline constexpr std::size_t kMaxConnectionsPerKey = 16;
/// Connections that have not proven a key yet: in all, and of one address (IPv6: of one /64). More are closed without a
/// word.
inline constexpr std::size_t kMaxHandshakes = 128;
inline constexpr std::size_t kMaxHandshakesPerAddress = 8;

/// Connects, handshakes, and checks that the other side has this key (refused: it is not the peer of the kit or
/// invitation; nothing was sent). An `expected` of zeros takes any key: the caller compares Channel::remote_key().
/// Errors: unreachable, timeout, refused, protocol. `timeout` is for connection and handshake together.
asio::awaitable<Result<std::unique_ptr<Channel>>> tls_connect(const Address& address,
                                                              const crypto::SecretBytes& transport_seed,
                                                              crypto::TransportPublicKey expected,
                                                              std::chrono::milliseconds timeout);

/// Accepts until stopped. All calls on the executor's thread, but connections() and port(), which any thread may ask.
/// `admit(key)` is asked during the handshake; `serve` runs once per admitted channel (co_spawned).
class TlsListener {
 public:
  /// `[::]` listens on IPv4 as well. io: the address can't be had.
  static Result<std::unique_ptr<TlsListener>> bind(asio::any_io_executor executor, const Address& address,
                                                   const crypto::SecretBytes& transport_seed,
                                                   std::function<bool(const crypto::TransportPublicKey&)> admit,
                                                   std::chrono::milliseconds handshake_timeout = kHandshakeTimeout);
  virtual ~TlsListener() = default;
  virtual void start(std::function<asio::awaitable<void>(std::unique_ptr<Channel>)> serve) = 0;
  /// Takes nobody in any more and cuts who is connected.
  virtual void stop() = 0;
  /// The bound port (of use when 0 was asked).
  virtual std::uint16_t port() const = 0;
  /// Open connections.
  virtual std::size_t connections() const = 0;
};

}  // namespace beffroi::daemon
