// UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, nothing above U+10FFFF.
#pragma once

#include "crypto/bytes.h"

namespace beffroi::storage {

/// True when all of `text` is well-formed UTF-8. No normalisation is asked for.
bool is_utf8(ByteView text);

}  // namespace beffroi::storage
