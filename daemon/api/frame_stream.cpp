#include "daemon/api/frame_stream.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::uint64_t kLooksBetweenTests = 1000;

bool produce_all(HttpExchange& exchange, const std::function<Result<void>(FrameSender&)>& produce) {
  FrameSender sender(exchange);
  Result<void> produced;
  try {
    produced = produce(sender);
  } catch (const std::exception& exception) {
    produced = fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
  }
  if (!produced && !sender.send(stream_failure_frame(produced.error()))) return false;
  return sender.flush().has_value();
}

}  // namespace

Result<void> FrameSender::send(ByteView head, ByteView rest) {
  // One frame may come on top of nearly a piece.
  if (pending_.empty()) pending_.reserve(std::max(2 * kPieceBytes, head.size() + rest.size()));
  for (const ByteView part : {head, rest}) pending_.insert(pending_.end(), part.begin(), part.end());
  return pending_.size() < kPieceBytes ? Result<void>() : flush();
}

Result<void> FrameSender::flush() {
  if (pending_.empty()) return {};
  return exchange_.write_blocking(std::exchange(pending_, {}));
}

Result<void> FrameSender::looked_at_one() {
  if (++looked_at_ % kLooksBetweenTests != 0 || !exchange_.gone()) return {};
  return fail(ErrorCode::cancelled, N_("The command that asked for this has ended."));
}

asio::awaitable<Result<void>> stream_frames(HttpExchange& exchange, Pool& pool,
                                            std::function<Result<void>(FrameSender&)> produce) {
  if (!co_await exchange.begin("application/octet-stream")) co_return Result<void>{};
  const bool whole = co_await pool.run([&] { return produce_all(exchange, produce); });
  if (whole) co_await exchange.end();
  co_return Result<void>{};
}

}  // namespace beffroi::daemon
