// Standard base64 (RFC 4648): how the API carries names that are not UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.h"

namespace beffroi::client {

std::string to_base64(ByteView bytes);
/// nullopt unless canonical, padding included.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace beffroi::client
