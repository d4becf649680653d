// The shapes of docs/api.md that have to do with shared spaces.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/share/inviting.h"
#include "daemon/share/share_joining.h"

namespace beffroi::daemon {

nlohmann::json member_json(const Member& member);
nlohmann::json device_json(const MemberDevice& device);
nlohmann::json invitation_json(const InvitationFacts& facts);
nlohmann::json request_json(const RequestFacts& facts);
/// Sets `path` (and `path_b64`) to an entry path as people say it: from the folder's top.
void set_share_path(nlohmann::json& object, std::string_view entry_path);
/// The entry path that people mean by a path from the folder's top, or an absolute one in it. usage: elsewhere.
Result<std::string> path_in_share(const Share& share, const std::string& path);
nlohmann::json cycle_json(const ShareCycle& cycle);
nlohmann::json share_status_json(const ShareStatus& status);
/// Blocking. A part that can't be read is left out.
nlohmann::json share_json(const StationContext& station, const Share& share);
/// The records of a share's log in words' parts, oldest first. Blocking.
Result<nlohmann::json> share_log_json(const Share& share);

}  // namespace beffroi::daemon
