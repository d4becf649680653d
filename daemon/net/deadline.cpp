#include "daemon/net/deadline.h"

#include <asio/steady_timer.hpp>

namespace beffroi::daemon {

struct Deadline::State {
  asio::steady_timer timer;
  std::function<void()> on_expiry;
  bool over = false;
  bool expired = false;
};

Deadline::Deadline(const asio::any_io_executor& executor, std::chrono::milliseconds after,
                   std::function<void()> on_expiry)
    : state_(std::make_shared<State>(asio::steady_timer(executor), std::move(on_expiry))) {
  state_->timer.expires_after(after);
  // The handler may be queued already when the deadline is destroyed: it asks the state, which it keeps alive.
  state_->timer.async_wait([state = state_](const asio::error_code& error) {
    if (error || state->over) return;
    state->expired = true;
    state->on_expiry();
  });
}

Deadline::~Deadline() {
  state_->over = true;
  state_->timer.cancel();
}

bool Deadline::expired() const { return state_->expired; }

}  // namespace beffroi::daemon
