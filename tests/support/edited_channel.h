// A channel whose messages and objects are changed on their arrival: a peer that says, or gives, what an honest one
// never would.
#pragma once

#include "daemon/net/channel.h"
#include "daemon/sync/messages.h"

namespace beffroi::daemon::testing {

using MessageEdit = std::function<void(Message&)>;
using ObjectEdit = std::function<void(Bytes&)>;

std::unique_ptr<Channel> make_edited_channel(std::unique_ptr<Channel> inner, MessageEdit edit, ObjectEdit edit_object);

}  // namespace beffroi::daemon::testing
