// Runs one coroutine, and whatever it starts, to its end on this thread.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <optional>

namespace beffroi::daemon::testing {

/// What the coroutine throws is thrown here.
void run_to_end(asio::io_context& context, asio::awaitable<void> work);

template <class T>
asio::awaitable<void> store_result(asio::awaitable<T> work, std::optional<T>& out) {
  out.emplace(co_await std::move(work));
}

template <class T>
T run_coroutine(asio::io_context& context, asio::awaitable<T> work) {
  std::optional<T> out;
  run_to_end(context, store_result(std::move(work), out));
  return std::move(*out);
}

}  // namespace beffroi::daemon::testing
