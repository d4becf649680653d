// The restore stream of docs/api.md, taken apart as it arrives. What comes in is checked as if it were hostile: sizes,
// order, and that nothing stands outside its place.
#pragma once

#include <optional>
#include <string>

#include "storage/tree/entry.h"

namespace beffroi::client {

/// Longest body of a frame.
inline constexpr std::size_t kMaxRestoreFrameBytes = std::size_t{2} * 1024 * 1024;

/// Takes what a stream holds, in its order. An error of any of them ends the stream.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  virtual Result<void> entry(storage::Entry entry) = 0;
  /// Bytes of the last entry, which is a file; `offset` + length is within its size.
  virtual Result<void> data(std::uint64_t offset, ByteView bytes) = 0;
  /// The content of the file `path` (entry path) could not be given; the reason.
  virtual Result<void> failure(const std::string& path, const Error& reason) = 0;
};

class FrameReader {
 public:
  explicit FrameReader(FrameHandler& handler) : handler_(handler) {}
  /// ErrorCode::corrupt or protocol for a stream that is not as it must be; the stream's own error; the handler's
  /// errors.
  Result<void> feed(ByteView bytes);
  /// ErrorCode::protocol when the stream was cut before its end mark, or its counts differ from what came.
  Result<void> finish() const;

 private:
  Result<void> take(char type, ByteView body);
  Result<void> take_entry(ByteView body);
  Result<void> take_data(ByteView body);
  Result<void> take_failure(ByteView body);
  Result<void> take_end(ByteView body);

  FrameHandler& handler_;
  Bytes pending_;
  std::optional<std::string> last_path_;
  std::uint64_t last_size_ = 0;  ///< how much data may follow the last entry
  std::uint64_t entries_ = 0;
  std::uint64_t failures_ = 0;
  bool ended_ = false;
};

}  // namespace beffroi::client
