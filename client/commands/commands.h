// One function per command: adds its words to the parser, and sets Session::action when it is chosen. Each stands in a
// file of its own.
#pragma once

#include "client/session.h"

namespace beffroi::client {

void add_init(CLI::App& app, Session& session);
void add_join(CLI::App& app, Session& session);
void add_source(CLI::App& app, Session& session);
void add_backup(CLI::App& app, Session& session);
void add_sync(CLI::App& app, Session& session);
void add_snapshots(CLI::App& app, Session& session);
void add_ls(CLI::App& app, Session& session);
void add_find(CLI::App& app, Session& session);
void add_diff(CLI::App& app, Session& session);
void add_dump(CLI::App& app, Session& session);
void add_restore(CLI::App& app, Session& session);
void add_check(CLI::App& app, Session& session);
void add_status(CLI::App& app, Session& session);
void add_retention(CLI::App& app, Session& session);
void add_delete(CLI::App& app, Session& session);
void add_forget(CLI::App& app, Session& session);
void add_audit(CLI::App& app, Session& session);
void add_recover(CLI::App& app, Session& session);
void add_peer(CLI::App& app, Session& session);
/// Below `peer`.
void add_peer_audit(CLI::App& group, Session& session);
void add_peer_clock(CLI::App& group, Session& session);

}  // namespace beffroi::client
