#include "daemon/station/sending_ahead.h"

#include <spdlog/spdlog.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::hours kForever{24 * 365};

}  // namespace

SendingAhead::SendingAhead(StationContext& station, std::shared_ptr<Progress> progress)
    : state_(std::make_shared<State>(station, std::move(progress))) {
  asio::co_spawn(station.executor, run(state_), asio::detached);
}

asio::awaitable<Result<void>> SendingAhead::send(State& state) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(state.station));
  auto sent = co_await link->send_ahead(*state.station.vault, state.station.work, state.objects, &state.station.line);
  state.progress->wire_bytes_sent += link->bytes_sent();
  co_await link->close();
  co_return sent;
}

asio::awaitable<void> SendingAhead::run(std::shared_ptr<State> state) {
  try {
    if (co_await state->objects.wait(kForever) == StoredObjects::Wait::ids) {
      const auto sent = co_await send(*state);
      spdlog::info("sent while the backup went on: {} bytes{}", state->objects.sent_bytes(),
                   sent ? std::string() : " (" + sent.error().message() + ")");
    }
  } catch (const std::exception& exception) {
    spdlog::warn("sending while the backup went on: {}", exception.what());
  }
  state->objects.nobody_sends();
  state->over = true;
  state->changed.cancel();
}

asio::awaitable<void> SendingAhead::end() {
  state_->objects.finish();
  while (!state_->over) {
    asio::error_code ignored;
    state_->changed.expires_at(asio::steady_timer::time_point::max());
    co_await state_->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace beffroi::daemon
