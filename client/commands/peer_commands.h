// The commands of the group `peer` that have files of their own.
#pragma once

#include "client/commands/command.h"
#include "client/session.h"

namespace beffroi::client {

void add_peer_chores(Command& group, Session& session);
void add_peer_losses(Command& group, Session& session);

}  // namespace beffroi::client
