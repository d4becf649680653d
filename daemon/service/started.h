// A coroutine that goes on while the one that wants its result does something else.
#pragma once

#include <exception>
#include <memory>
#include <optional>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {

/// Lives on one executor. Unless `work` owns what it needs, result() is awaited, once, before that goes away.
template <class Value>
class Started {
 public:
  Started(const asio::any_io_executor& executor, asio::awaitable<Value> work)
      : state_(std::make_shared<State>(executor)) {
    start_coroutine(executor, run(state_, std::move(work)));
  }
  asio::awaitable<Value> result() {
    while (!state_->value && !state_->failure) {
      state_->ready.expires_at(asio::steady_timer::time_point::max());
      co_await time_comes(state_->ready);
    }
    if (state_->failure) std::rethrow_exception(state_->failure);
    co_return std::move(*state_->value);
  }

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : ready(executor) {}
    std::optional<Value> value;
    std::exception_ptr failure;
    asio::steady_timer ready;
  };
  static asio::awaitable<void> run(std::shared_ptr<State> state, asio::awaitable<Value> work) {
    try {
      Value value = co_await std::move(work);
      state->value.emplace(std::move(value));
    } catch (...) {
      state->failure = std::current_exception();
    }
    state->ready.cancel();
  }
  std::shared_ptr<State> state_;
};

}  // namespace beffroi::daemon
