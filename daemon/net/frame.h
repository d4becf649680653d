// The head of a frame: le32 body length ‖ type. Lengths are checked before anything is allocated.
#pragma once

#include "daemon/net/channel.h"

namespace beffroi::daemon {

inline constexpr std::size_t kFrameHeadBytes = 5;

struct FrameHead {
  FrameType type = FrameType::message;
  std::size_t body_bytes = 0;
};

/// protocol for an unknown type or a body where none belongs; limit_exceeded for a body that is too long for its type.
Result<FrameHead> decode_frame_head(std::span<const std::uint8_t, kFrameHeadBytes> head);
/// Precondition (asserted): the body is within its bound.
Bytes encode_frame(const Frame& frame);

/// What a body of this length may take, when its beginning may take `timeout`.
std::chrono::milliseconds body_timeout(std::size_t bytes, std::chrono::milliseconds timeout);

}  // namespace beffroi::daemon
