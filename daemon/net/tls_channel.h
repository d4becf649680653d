// A channel of frames over one TLS connection whose handshake is done.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/ssl/stream.hpp>

#include "daemon/net/channel.h"
#include "daemon/net/tls_context.h"

namespace beffroi::daemon {

/// Socket, TLS and what they were made from. Shared by a channel and the listener that may have to cut it.
struct TlsStream {
  TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls_context, std::string remote_address);
  /// Ends every operation that waits.
  void cut();

  std::shared_ptr<TlsContext> context;
  asio::ssl::stream<asio::ip::tcp::socket> stream;
  std::string address;
};

/// The handshake within `timeout`; returns the key that the other side has proven. timeout, or refused with a sentence
/// for a client whose peer has another key.
asio::awaitable<Result<crypto::TransportPublicKey>> shake_hands(TlsStream& tls, TlsSide side,
                                                                std::chrono::milliseconds timeout);

std::unique_ptr<Channel> make_tls_channel(std::shared_ptr<TlsStream> tls, TlsSide side,
                                          const crypto::TransportPublicKey& remote_key);

/// TCP_NODELAY, keep-alive, and little that waits unsent in the kernel; errors are ignored: the line works without
/// them.
void tune(asio::ip::tcp::socket& socket);

}  // namespace beffroi::daemon
