// Sending while the backup goes on. Nothing depends on it: the push afterwards asks the peer for what it has.
#include "daemon/sync/link_parts.h"
#include "daemon/sync/object_sender.h"

namespace beffroi::daemon {
namespace {

// A peer ends sessions that are silent for twenty minutes.
constexpr std::chrono::minutes kLongestSilence{5};

}  // namespace

asio::awaitable<Result<void>> send_ahead_over(LinkSession& session, Vault& vault, Pool& pool, StoredObjects& objects,
                                              Line* line) {
  // Of this device: the push gets the same lease again, and with it all that is sent now.
  Message request(LeaseOpenMessage{});
  BEFFROI_CO_CHECK(co_await session.call<LeaseMessage>(std::move(request)));
  // A damaged object would come under another id, and the push look at it once more.
  ObjectSender sender(session, vault, pool, line, ObjectSender::Check::checksum, [&]() -> Result<void> {
    if (objects.finished()) return fail(ErrorCode::cancelled, N_("Stopped. What is left is sent the next time."));
    return {};
  });
  const auto count = [&](std::size_t bytes) {
    objects.count_sent(bytes);
    const auto speed = line != nullptr ? line->bytes_per_second() : std::nullopt;
    objects.set_line_speed(speed);
    if (speed) objects.set_forecast(std::min(*speed, line->allowed().value_or(*speed)));
  };
  Result<void> sent;
  while (sent) {
    const auto waited = co_await objects.wait(kLongestSilence);
    if (waited == StoredObjects::Wait::finished) break;
    if (waited == StoredObjects::Wait::ids) {
      const auto ids = objects.take();
      sent = co_await sender.send(ids, count);
    } else {
      // A sign of life.
      sent = co_await sender.finish();
      Message again(LeaseOpenMessage{});
      if (sent) {
        BEFFROI_CO_CHECK(co_await session.call<LeaseMessage>(std::move(again)));
      }
    }
  }
  // No answers are waited for: the bye comes behind all that is on its way, and the push asks what has arrived.
  if (!sent && sent.error().code == ErrorCode::cancelled) co_return Result<void>();
  co_return sent;
}

}  // namespace beffroi::daemon
