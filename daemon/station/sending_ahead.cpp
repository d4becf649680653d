#include "daemon/station/sending_ahead.h"

#include <spdlog/spdlog.h>

#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::hours kForever{24 * 365};

}  // namespace

SendingAhead::SendingAhead(StationContext& station, std::shared_ptr<Progress> progress)
    : state_(std::make_shared<State>(station, std::move(progress))), running_(station.executor, run(state_)) {}

asio::awaitable<Result<void>> SendingAhead::send(State& state) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(state.station));
  auto sent = co_await link->send_ahead(*state.station.vault, state.station.work, state.objects, &state.station.line);
  state.progress->wire_bytes_sent += link->bytes_sent();
  co_await link->close();
  co_return sent;
}

asio::awaitable<Result<void>> SendingAhead::run(std::shared_ptr<State> state) {
  if (co_await state->objects.wait(kForever) != StoredObjects::Wait::ids) co_return Result<void>();
  auto sent = co_await send(*state);
  state->objects.nobody_sends();
  co_return sent;
}

asio::awaitable<void> SendingAhead::end() {
  state_->objects.finish();
  try {
    const auto sent = co_await running_.result();
    if (state_->objects.sent_bytes() == 0 && sent) co_return;
    spdlog::info("sent while the backup went on: {} bytes{}", state_->objects.sent_bytes(),
                 sent ? std::string() : " (" + sent.error().message() + ")");
  } catch (const std::exception& exception) {
    spdlog::warn("sending while the backup went on: {}", exception.what());
  }
}

}  // namespace beffroi::daemon
