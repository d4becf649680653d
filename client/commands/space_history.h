// The commands of the group `space` about names that are left out and about the past of a shared folder.
#pragma once

#include "client/commands/command.h"
#include "client/session.h"

namespace beffroi::client {

/// space ignore.
void add_space_ignore(Command& group, Session& session);
/// space versions, trash, changes, rewind.
void add_space_history(Command& group, Session& session);
/// space restore.
void add_space_restore(Command& group, Session& session);

}  // namespace beffroi::client
