#include "daemon/service/pool.h"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace beffroi::daemon {

Pool::Pool(std::size_t threads)
    : size_(threads), threads_(threads == 0 ? nullptr : std::make_unique<asio::thread_pool>(threads)) {}

Pool::~Pool() {
  if (threads_) threads_->join();
}

asio::awaitable<void> Pool::on_worker(std::move_only_function<void()> job) {
  auto task = [](std::move_only_function<void()> what) -> asio::awaitable<void> {
    what();
    co_return;
  };
  co_await asio::co_spawn(threads_->get_executor(), task(std::move(job)), asio::use_awaitable);
}

void Pool::post(std::function<void()> work) {
  if (threads_)
    asio::post(*threads_, std::move(work));
  else
    work();
}

}  // namespace beffroi::daemon
