// One function per command: adds its words to the parser, and sets Session::action when it is chosen. Each stands in a
// file of its own.
#pragma once

#include "client/commands/command.h"
#include "client/session.h"

namespace beffroi::client {

void add_init(Command& app, Session& session);
void add_join(Command& app, Session& session);
void add_source(Command& app, Session& session);
void add_backup(Command& app, Session& session);
void add_sync(Command& app, Session& session);
void add_snapshots(Command& app, Session& session);
void add_ls(Command& app, Session& session);
void add_find(Command& app, Session& session);
void add_diff(Command& app, Session& session);
void add_dump(Command& app, Session& session);
void add_restore(Command& app, Session& session);
void add_check(Command& app, Session& session);
void add_status(Command& app, Session& session);
void add_retention(Command& app, Session& session);
void add_delete(Command& app, Session& session);
void add_forget(Command& app, Session& session);
void add_audit(Command& app, Session& session);
void add_recover(Command& app, Session& session);
void add_space(Command& app, Session& session);
/// Below `space`.
void add_space_joining(Command& group, Session& session);
void add_space_members(Command& group, Session& session);
void add_space_computers(Command& group, Session& session);
void add_space_folders(Command& group, Session& session);
void add_space_files(Command& group, Session& session);
void add_peer(Command& app, Session& session);
/// Below `peer`.
void add_peer_audit(Command& group, Session& session);
void add_peer_clock(Command& group, Session& session);

}  // namespace beffroi::client
