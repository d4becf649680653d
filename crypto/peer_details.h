// What a station has to know of its peer, as the text that `join` writes to FILE.peer and that is copied onto the
// sheet. Public: it holds no secret.
#pragma once

#include <string>
#include <string_view>

#include "crypto/identity.h"
#include "crypto/result.h"

namespace beffroi::crypto {

struct PeerDetails {
  std::string name;        ///< as the peer calls itself; at most 200 bytes
  std::string address;     ///< HOST:PORT
  TransportPublicKey key;  ///< what its TLS certificate must carry
  bool operator==(const PeerDetails&) const = default;
};

/// Three labelled lines under a comment. `language`: "fr" (also "fr_FR.UTF-8" and the like), else English.
std::string peer_text(const PeerDetails& details, std::string_view language);

/// Reads either language. ErrorCode::usage, with a sentence that names the line, when address or key is missing or
/// unreadable; limit_exceeded over 64 KiB.
Result<PeerDetails> parse_peer_text(std::string_view text);

}  // namespace beffroi::crypto
