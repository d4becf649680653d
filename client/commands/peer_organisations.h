// What a peer's operator does with organisations: change, revoke, suspend, resume, erase; and what he sees of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "client/commands/command.h"
#include "client/session.h"

namespace beffroi::client {

void add_peer_organisations(Command& group, Session& session);

/// Who is hosted, each organisation with its stations below, as a table.
std::string tenants_text(const Session& session, const nlohmann::json& answer);
/// The record of an erasure as a page to file, in the caller's language.
std::string erasure_text(const Session& session, const nlohmann::json& erasure);

}  // namespace beffroi::client
