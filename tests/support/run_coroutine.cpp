#include "tests/support/run_coroutine.h"

#include <asio/co_spawn.hpp>

#include "crypto/assert.h"

namespace beffroi::daemon::testing {

void run_to_end(asio::io_context& context, asio::awaitable<void> work) {
  bool ended = false;
  asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
    ended = true;
  });
  context.restart();
  while (!ended && context.run_one() > 0) continue;
  BEFFROI_ASSERT(ended);
  // What still runs (a session that sees its end) comes to rest, without waiting for timers.
  while (context.poll() > 0) continue;
}

}  // namespace beffroi::daemon::testing
