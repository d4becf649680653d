// A channel that receives while its user is still at work on what came before.
#pragma once

#include <asio/any_io_executor.hpp>

#include "daemon/net/channel.h"
#include "daemon/service/memory_budget.h"

namespace beffroi::daemon {

/// What may wait for its reader: this much, and one frame more.
inline constexpr std::size_t kReadAheadBytes = 1024U * 1024;

class ReadingAhead : public Channel {
 public:
  /// Returns when a frame has arrived, the line has ended, or wake() was called since this last returned: true then.
  /// Not beside receive().
  virtual asio::awaitable<bool> wait_for_frame() = 0;
  virtual void wake() = 0;
};

/// Takes over a channel of which nothing is being received, and begins to receive. `executor`: the channel's. In
/// receive() the timeout is for the frame's beginning, as it is there. Frames that arrive or wait are taken from
/// `memory`, if there is one: reading goes on when it has room.
std::unique_ptr<ReadingAhead> make_reading_ahead(std::unique_ptr<Channel> channel,
                                                 const asio::any_io_executor& executor,
                                                 std::shared_ptr<MemoryAccount> memory = {});

}  // namespace beffroi::daemon
