#include "daemon/service/pool.h"

#include <asio/post.hpp>

namespace beffroi::daemon {

Pool::Pool(std::size_t threads)
    : size_(threads), threads_(threads == 0 ? nullptr : std::make_unique<asio::thread_pool>(threads)) {}

Pool::~Pool() {
  if (threads_) threads_->join();
}

void Pool::post(std::function<void()> work) {
  if (threads_)
    asio::post(*threads_, std::move(work));
  else
    work();
}

}  // namespace beffroi::daemon
