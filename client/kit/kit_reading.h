// Reading a kit, for `recover` and for what else needs the root: from a file, standard input, or word by word at a
// terminal.
#pragma once

#include <optional>
#include <string>

#include "client/ui/console.h"
#include "crypto/kit.h"
#include "crypto/kit_file.h"

namespace beffroi::client {

struct ReadKit {
  crypto::KitReading reading;
  std::optional<crypto::Hash256> space_id;
  std::string peer_address;
  std::optional<crypto::TransportPublicKey> peer_key;
};

/// `file` empty, or "-" with a terminal: asks for the 28 words one by one, then for the space (which may be left out).
/// ErrorCode::usage, not_found, corrupt, unsupported_version, as the kit's readers say it.
Result<ReadKit> read_kit(const Console& console, const std::string& file);

}  // namespace beffroi::client
