#include "tests/support/protocol_thread.h"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/use_future.hpp>

namespace beffroi::daemon::testing {

void ProtocolThread::end() {
  guard_.reset();
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void ProtocolThread::post(std::function<void()> work) { asio::post(io_, std::move(work)); }

void ProtocolThread::wait_for(asio::awaitable<void> work) {
  asio::co_spawn(io_, std::move(work), asio::use_future).get();
}

}  // namespace beffroi::daemon::testing
