// What most coroutines want of Asio, compiled once: its templates take seconds in every file that names them.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

namespace beffroi::daemon {

/// Starts `work` on its executor and does not wait for it. What it throws is lost.
void start_coroutine(const asio::any_io_executor& executor, asio::awaitable<void> work);

/// Waits for a timer whose time was set: true when it has come, false when the timer was cancelled. The timer outlives
/// the wait.
asio::awaitable<bool> time_comes(asio::steady_timer& timer);

}  // namespace beffroi::daemon
