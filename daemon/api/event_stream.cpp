#include "daemon/api/event_stream.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/service/coroutine.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::uint64_t kLooksBetweenTests = 1000;

/// What the work and the stream that watches it share.
struct Watched {
  explicit Watched(const asio::any_io_executor& executor) : wake(executor) {}
  asio::steady_timer wake;
  std::optional<Result<Json>> outcome;
};

using Work = std::function<asio::awaitable<Result<Json>>()>;

asio::awaitable<void> run_watched(Work work, std::shared_ptr<Watched> watched) {
  try {
    watched->outcome = co_await work();
  } catch (const std::exception& exception) {
    spdlog::error("{}", exception.what());
    watched->outcome = fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
  }
  watched->wake.cancel();
}

Bytes line_bytes(const Json& line) { return to_bytes(as_bytes(json_line(line))); }

Bytes last_line(const Result<Json>& outcome) {
  if (!outcome) return line_bytes({{"event", "error"}, {"error", error_json(outcome.error())}});
  Json line = *outcome;
  line["event"] = "result";
  return line_bytes(line);
}

Result<Json> produce_all(HttpExchange& exchange, const std::function<Result<void>(LineWriter&)>& produce) {
  try {
    LineWriter writer(exchange);
    BEFFROI_CHECK(produce(writer));
    BEFFROI_CHECK(writer.flush());
    return Json{{"entries", writer.lines()}};
  } catch (const std::exception& exception) {
    return fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
  }
}

}  // namespace

asio::awaitable<Result<void>> stream_events(HttpExchange& exchange, asio::any_io_executor executor,
                                            std::shared_ptr<Progress> progress, bool stop_when_gone, Work work) {
  const auto watched = std::make_shared<Watched>(executor);
  start_coroutine(executor, run_watched(std::move(work), watched));
  bool listening = (co_await exchange.begin("application/x-ndjson")).has_value();
  while (!watched->outcome) {
    watched->wake.expires_after(kProgressInterval);
    co_await time_comes(watched->wake);
    if (watched->outcome || !listening) continue;
    Json line = progress_json(*progress);
    line["event"] = "progress";
    listening = (co_await exchange.write(line_bytes(line))).has_value();
    if (!listening && stop_when_gone) progress->cancel = true;
  }
  if (listening) listening = (co_await exchange.write(last_line(*watched->outcome))).has_value();
  if (listening) co_await exchange.end();
  co_return Result<void>{};
}

Result<void> LineWriter::write(const Json& line) {
  const std::string text = json_line(line);
  pending_.insert(pending_.end(), text.begin(), text.end());
  ++lines_;
  return pending_.size() < kPieceBytes ? Result<void>() : flush();
}

Result<void> LineWriter::flush() {
  if (pending_.empty()) return {};
  return exchange_.write_blocking(std::exchange(pending_, {}));
}

Result<void> LineWriter::looked_at_one() {
  if (++looked_at_ % kLooksBetweenTests != 0 || !exchange_.gone()) return {};
  return fail(ErrorCode::cancelled, N_("The command that asked for this has ended."));
}

asio::awaitable<Result<void>> stream_lines(HttpExchange& exchange, Pool& pool,
                                           std::function<Result<void>(LineWriter&)> produce) {
  if (!co_await exchange.begin("application/x-ndjson")) co_return Result<void>{};
  const Result<Json> outcome = co_await pool.run([&] { return produce_all(exchange, produce); });
  if (co_await exchange.write(last_line(outcome))) co_await exchange.end();
  co_return Result<void>{};
}

}  // namespace beffroi::daemon
