// CBOR bodies of the API: lists of byte strings.
#pragma once

#include "storage/format/cbor.h"

namespace beffroi::daemon {

/// One array of byte strings of at most `max_bytes` each. ErrorCode::usage when it is something else.
Result<std::vector<Bytes>> decode_byte_strings(ByteView body, std::size_t max_bytes);
void write_byte_strings(storage::CborWriter& out, std::span<const Bytes> strings);

}  // namespace beffroi::daemon
