#include "daemon/sync/object_sender.h"

#include <asio/this_coro.hpp>

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

// What is to be acknowledged together, each time at the price of an fsync over there: much on a fast line, little on a
// slow one, where acknowledgements should come every few seconds.
constexpr std::size_t kWindowBytesMin = 1024U * 1024;
constexpr std::size_t kWindowBytesMax = 8U * 1024 * 1024;
constexpr std::size_t kWindowObjects = 256;
constexpr std::chrono::milliseconds kWindowTimeMin{250};
constexpr std::chrono::milliseconds kWindowTimeMax{2000};
// So many windows may be unacknowledged at once: together at most 32 MiB, what a line of 1 Gbit/s carries in 260 ms.
constexpr std::size_t kWindowsInFlight = 4;
// Sealed bytes that are read from the store at once, while the ones before them are sent.
constexpr std::size_t kReadBytes = 1024U * 1024;

}  // namespace

ObjectSender::ObjectSender(LinkSession& session, Vault& vault, Pool& pool, Line* line, Check check,
                           std::function<Result<void>()> may_go_on)
    : session_(session),
      vault_(vault),
      pool_(pool),
      line_(line),
      check_(check),
      may_go_on_(std::move(may_go_on)),
      window_size_(2 * kWindowBytesMin),
      window_began_(vault.clock().monotonic()) {}

asio::awaitable<Result<void>> ObjectSender::send(std::span<const ObjectId> ids,
                                                 const std::function<void(std::size_t)>& sent) {
  const auto executor = co_await asio::this_coro::executor;
  const auto read_next = [&] {
    return std::make_unique<Reading>(executor, pool_.run([this, &ids] { return read_some(ids); }));
  };
  Result<void> outcome;
  std::unique_ptr<Reading> reading;
  if (!ids.empty()) reading = read_next();
  while (reading) {
    auto objects = co_await reading->result();
    reading.reset();
    if (outcome) outcome = may_go_on_();
    if (outcome && !objects) outcome = forward_error(objects);
    if (!outcome) break;
    if (!ids.empty()) reading = read_next();
    outcome = co_await send_some(std::move(*objects), sent);
  }
  co_return outcome;
}

asio::awaitable<Result<void>> ObjectSender::finish() {
  Result<void> outcome;
  // Also after an error that the line has survived: the peer tells what it refused with the answer to a flush.
  if (!line_is_cut_ && window_objects_ > 0) outcome = co_await close_window();
  // Whatever happened: the answers that are due are read, so that the session stays in step.
  while (!windows_.empty()) {
    const auto acknowledged = co_await await_window();
    if (outcome) outcome = acknowledged;
  }
  co_return outcome;
}

asio::awaitable<Result<void>> ObjectSender::send_some(std::vector<Bytes> objects,
                                                      const std::function<void(std::size_t)>& sent) {
  if (line_ != nullptr) session_.channel().limit_sending(line_->allowed());
  for (Bytes& object : objects) {
    const std::size_t bytes = object.size();
    if (const auto gone = co_await session_.send_object(std::move(object)); !gone) {
      line_is_cut_ = true;
      co_return gone;
    }
    sent(bytes);
    window_bytes_ += bytes;
    ++window_objects_;
    if (window_bytes_ >= window_size_ || window_objects_ >= kWindowObjects) {
      BEFFROI_CO_CHECK(co_await close_window());
    }
  }
  co_return Result<void>();
}

// Damage that the disk does not tell of must not be sent: the peer would refuse it, now and every time.
Result<Bytes> ObjectSender::read(const ObjectId& id) {
  auto bytes = vault_.objects().get(vault_.space(), id);
  const bool sound = bytes && (check_ == Check::checksum || storage::object_id(*bytes) == id);
  const bool damaged = bytes || bytes.error().code == ErrorCode::corrupt || bytes.error().code == ErrorCode::not_found;
  if (sound || !damaged) return bytes;
  BEFFROI_CHECK(vault_.objects().quarantine(vault_.space(), id));
  return fail(ErrorCode::corrupt,
              N_("The object {} was found damaged on this station. The next backup stores it anew."), id.hex());
}

Result<std::vector<Bytes>> ObjectSender::read_some(std::span<const ObjectId>& rest) {
  std::vector<Bytes> out;
  for (std::size_t bytes = 0; !rest.empty() && bytes < kReadBytes; rest = rest.subspan(1)) {
    BEFFROI_TRY(Bytes object, read(rest.front()));
    bytes += object.size();
    out.push_back(std::move(object));
  }
  return out;
}

asio::awaitable<Result<void>> ObjectSender::close_window() {
  adapt_window();
  const std::size_t bytes = std::exchange(window_bytes_, 0);
  window_objects_ = 0;
  Message request(FlushMessage{});
  BEFFROI_CO_CHECK(co_await session_.send(std::move(request)));
  windows_.push_back(bytes);
  if (windows_.size() < kWindowsInFlight) co_return Result<void>();
  co_return co_await await_window();
}

void ObjectSender::adapt_window() {
  const auto now = vault_.clock().monotonic();
  const auto took = now - std::exchange(window_began_, now);
  if (took < kWindowTimeMin) window_size_ = std::min(2 * window_size_, kWindowBytesMax);
  if (took > kWindowTimeMax) window_size_ = std::max(window_size_ / 2, kWindowBytesMin);
}

asio::awaitable<Result<void>> ObjectSender::await_window() {
  const std::size_t bytes = windows_.front();
  windows_.pop_front();
  const auto asked_at = vault_.clock().monotonic();
  const auto durable = co_await session_.receive<DurableMessage>();
  if (!durable) co_return forward_error(durable);
  measure(bytes, asked_at);
  co_return Result<void>();
}

// Who waited for two answers in a row knows when both came. An answer that lay there already says only that the line
// carries at least what was sent meanwhile.
void ObjectSender::measure(std::size_t bytes, std::chrono::milliseconds asked_at) {
  constexpr std::chrono::milliseconds kWaited{2};
  const auto now = vault_.clock().monotonic();
  const bool waited = now - asked_at >= kWaited;
  if (line_ != nullptr && acknowledged_at_)
    line_->carried(bytes, now - *acknowledged_at_,
                   waited && waited_before_ ? Line::Measure::exact : Line::Measure::least);
  waited_before_ = waited;
  acknowledged_at_ = windows_.empty() ? std::nullopt : std::optional(now);
}

}  // namespace beffroi::daemon
