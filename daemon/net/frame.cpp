#include "daemon/net/frame.h"

#include "crypto/assert.h"
#include "storage/format/types.h"

namespace beffroi::daemon {
namespace {

std::size_t longest_body(FrameType type) {
  switch (type) {
    case FrameType::message:
      return kMaxFrameBytes;
    case FrameType::object:
      return storage::kMaxObjectBytes;
    case FrameType::bye:
      return 0;
  }
  return 0;
}

}  // namespace

Result<FrameHead> decode_frame_head(std::span<const std::uint8_t, kFrameHeadBytes> head) {
  if (head[4] < static_cast<std::uint8_t>(FrameType::message) || head[4] > static_cast<std::uint8_t>(FrameType::bye))
    return fail(ErrorCode::protocol, N_("The other side sent something that is not Beffroi's protocol."));
  const FrameHead out{static_cast<FrameType>(head[4]), get_le32(head.data())};
  if (out.body_bytes > longest_body(out.type))
    return fail(ErrorCode::limit_exceeded, N_("The other side sent a message of {} bytes, which is too long."),
                std::to_string(out.body_bytes));
  return out;
}

Bytes encode_frame(const Frame& frame) {
  BEFFROI_ASSERT(frame.body.size() <= longest_body(frame.type));
  Bytes out(kFrameHeadBytes + frame.body.size());
  put_le32(out.data(), static_cast<std::uint32_t>(frame.body.size()));
  out[4] = static_cast<std::uint8_t>(frame.type);
  std::copy(frame.body.begin(), frame.body.end(), out.begin() + kFrameHeadBytes);
  return out;
}

std::chrono::milliseconds body_timeout(std::size_t bytes, std::chrono::milliseconds timeout) {
  return std::min(timeout, kFrameTimeout) + std::chrono::milliseconds(bytes * 1000 / kSlowestBytesPerSecond);
}

}  // namespace beffroi::daemon
