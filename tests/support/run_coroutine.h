// Runs one coroutine, and whatever it starts, to its end on this thread.
#pragma once

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <optional>

#include "crypto/assert.h"

namespace beffroi::daemon::testing {

template <class T>
T run_coroutine(asio::io_context& context, asio::awaitable<T> work) {
  std::optional<T> out;
  asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& failed, T value) {
    if (failed) std::rethrow_exception(failed);
    out = std::move(value);
  });
  context.restart();
  while (!out && context.run_one() > 0) continue;
  BEFFROI_ASSERT(out.has_value());
  // What still runs (a session that sees its end) comes to rest, without waiting for timers.
  while (context.poll() > 0) continue;
  return std::move(*out);
}

}  // namespace beffroi::daemon::testing
