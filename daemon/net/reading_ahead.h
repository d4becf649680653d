// A channel that receives while its user is still at work on what came before.
#pragma once

#include <asio/any_io_executor.hpp>

#include "daemon/net/channel.h"

namespace beffroi::daemon {

/// What may wait for its reader: this much, and one frame more.
inline constexpr std::size_t kReadAheadBytes = 1024U * 1024;

/// Takes over a channel of which nothing is being received, and begins to receive. `executor`: the channel's. In
/// receive() the timeout is for the frame's beginning, as it is there.
std::unique_ptr<Channel> make_reading_ahead(std::unique_ptr<Channel> channel, const asio::any_io_executor& executor);

}  // namespace beffroi::daemon
