// What the operator does with organisations, over the peer's local API.
#pragma once

#include "daemon/api/json.h"
#include "daemon/api/router.h"
#include "daemon/peer/peer_context.h"

namespace beffroi::daemon {

/// `peer` outlives the routes.
void add_organisation_routes(std::vector<Route>& routes, PeerContext& peer);

Json organisation_json(const HostedOrganisation& organisation);
/// A text of a request; nullopt when it does not have it.
std::optional<std::string> text_or_none(BodyFields& fields, const char* name);

}  // namespace beffroi::daemon
