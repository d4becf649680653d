// TLS 1.3 with self-signed Ed25519 certificates, made in memory from the transport seed: who the other side is, is its
// public key and nothing else.
#pragma once

#include <asio/ssl/context.hpp>
#include <functional>

#include "crypto/identity.h"
#include "crypto/result.h"

namespace beffroi::daemon {

using AdmitKey = std::function<bool(const crypto::TransportPublicKey&)>;

enum class TlsSide : std::uint8_t { client, listener };

/// OpenSSL's context with our rules. Its address is known to OpenSSL: it does not move, and outlives its connections.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> make(TlsSide side, const crypto::SecretBytes& transport_seed,
                                                  AdmitKey admit);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  asio::ssl::context& asio_context() { return context_; }
  /// Called by OpenSSL in the handshake. `certificate`: an X509.
  bool admits(const void* certificate) const;

 private:
  TlsContext(asio::ssl::context context, AdmitKey admit);
  asio::ssl::context context_;
  AdmitKey admit_;
};

/// The key that the other side of an SSL (an OpenSSL handle) has proven, when the handshake is done and our protocol
/// was chosen.
std::optional<crypto::TransportPublicKey> proven_key(const void* ssl);

}  // namespace beffroi::daemon
