#include "daemon/restore/restore_frame.h"

#include "crypto/assert.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kOffsetBytes = kDataHeadBytes - kFrameHeaderBytes;

Bytes frame(RestoreFrameType type, ByteView body) {
  BEFFROI_ASSERT(body.size() <= kMaxRestoreFrameBytes);
  Bytes out(kFrameHeaderBytes + body.size());
  put_le32(out.data(), static_cast<std::uint32_t>(body.size()));
  out[4] = static_cast<std::uint8_t>(type);
  std::copy(body.begin(), body.end(), out.begin() + kFrameHeaderBytes);
  return out;
}

}  // namespace

Bytes entry_frame(const storage::Entry& entry) {
  return frame(RestoreFrameType::entry, storage::encode_entry_logical(entry));
}

std::array<std::uint8_t, kDataHeadBytes> data_frame_head(std::uint64_t offset, std::size_t bytes) {
  BEFFROI_ASSERT(bytes <= kMaxFrameDataBytes);
  std::array<std::uint8_t, kDataHeadBytes> out{};
  put_le32(out.data(), static_cast<std::uint32_t>(kOffsetBytes + bytes));
  out[4] = static_cast<std::uint8_t>(RestoreFrameType::data);
  put_le64(out.data() + kFrameHeaderBytes, offset);
  return out;
}

Bytes failure_frame(const std::string& entry_path, const Error& reason) {
  storage::CborWriter out;
  out.array(3).bytes(as_bytes(entry_path)).bytes(as_bytes(reason.text)).array(reason.args.size());
  for (const std::string& argument : reason.args) out.bytes(as_bytes(argument));
  return frame(RestoreFrameType::failure, out.take());
}

Bytes stream_failure_frame(const Error& error) {
  storage::CborWriter out;
  out.array(3).text(error_code_name(error.code)).bytes(as_bytes(error.text)).array(error.args.size());
  for (const std::string& argument : error.args) out.bytes(as_bytes(argument));
  return frame(RestoreFrameType::stream_failure, out.take());
}

Bytes end_frame(const RestoreCounts& counts) {
  storage::CborWriter out;
  out.array(3).uint(counts.entries).uint(counts.bytes).uint(counts.failures);
  return frame(RestoreFrameType::end, out.take());
}

}  // namespace beffroi::daemon
