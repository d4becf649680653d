// The plaintext of a commit's sealed part: le32(length) ‖ CBOR of that length ‖ zeros up to padded_length().
#pragma once

#include "storage/space/commit.h"

namespace beffroi::storage {

/// Cuts texts and lists to the bounds in commit.h, then encodes and pads.
Bytes encode_commit_sealed(const CommitSealed& sealed);
/// ErrorCode::corrupt for anything that encode_commit_sealed() would not make.
Result<CommitSealed> decode_commit_sealed(ByteView padded);

}  // namespace beffroi::storage
