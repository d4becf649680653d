// The commands of the group `peer` that have files of their own.
#pragma once

#include "client/session.h"

namespace beffroi::client {

void add_peer_chores(CLI::App& group, Session& session);
void add_peer_losses(CLI::App& group, Session& session);

}  // namespace beffroi::client
