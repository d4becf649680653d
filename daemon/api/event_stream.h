// Long work as lines of JSON (docs/api.md): progress while it runs, then one result or one error.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>

#include "daemon/api/http.h"
#include "daemon/service/pool.h"
#include "daemon/service/progress.h"

namespace beffroi::daemon {

/// Between two lines of progress.
inline constexpr std::chrono::milliseconds kProgressInterval{500};

/// Runs `work` on the protocol thread as a coroutine of its own, so that it goes on when the client leaves, and streams
/// `progress` meanwhile; what `work` returns becomes the last line. `stop_when_gone`: a client that leaves sets
/// progress.cancel. Returns when the work is done; never an error.
asio::awaitable<Result<void>> stream_events(HttpExchange& exchange, asio::any_io_executor executor,
                                            std::shared_ptr<Progress> progress, bool stop_when_gone,
                                            std::function<asio::awaitable<Result<nlohmann::json>>()> work);

/// Lines from a worker thread, sent in pieces of about 64 KiB.
class LineWriter {
 public:
  explicit LineWriter(HttpExchange& exchange) : exchange_(exchange) {}
  /// ErrorCode::cancelled when the client is gone.
  Result<void> write(const nlohmann::json& line);
  Result<void> flush();
  /// To be asked for each thing that was looked at, written or not: ErrorCode::cancelled soon after the client is gone.
  Result<void> looked_at_one();
  std::uint64_t lines() const { return lines_; }

 private:
  HttpExchange& exchange_;
  Bytes pending_;
  std::uint64_t lines_ = 0;
  std::uint64_t looked_at_ = 0;
};

/// Streams the lines that `produce` writes on a worker of `pool`, then {"event": "result", "entries": lines}.
asio::awaitable<Result<void>> stream_lines(HttpExchange& exchange, Pool& pool,
                                           std::function<Result<void>(LineWriter&)> produce);

}  // namespace beffroi::daemon
