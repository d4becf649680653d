// Answers as frames (docs/api.md, restore stream): what lists or brings many entries, cheaper to make and to read than
// lines of JSON.
#pragma once

#include "daemon/api/http.h"
#include "daemon/restore/restore_frame.h"
#include "daemon/service/pool.h"

namespace beffroi::daemon {

/// Joins small frames, so that a folder of tiny files is not a system call each. For one worker thread.
class FrameSender {
 public:
  explicit FrameSender(HttpExchange& exchange) : exchange_(exchange) {}
  /// ErrorCode::cancelled when the client is gone.
  Result<void> send(ByteView head, ByteView rest = {});
  Result<void> flush();
  /// To be asked for each thing that was looked at, sent or not: ErrorCode::cancelled soon after the client is gone.
  Result<void> looked_at_one();

 private:
  HttpExchange& exchange_;
  Bytes pending_;
  std::uint64_t looked_at_ = 0;
};

/// Runs `produce` on a worker of `pool` and streams its frames; an error of it, or an exception, becomes the last
/// frame.
asio::awaitable<Result<void>> stream_frames(HttpExchange& exchange, Pool& pool,
                                            std::function<Result<void>(FrameSender&)> produce);

}  // namespace beffroi::daemon
