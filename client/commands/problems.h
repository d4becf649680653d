// Files that something is wrong with, one line each.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "client/session.h"

namespace beffroi::client {

/// The first kProblemsShown of [{"path", "path_b64"?, "text", "args", "message"}…] on standard error, and how many more
/// there are.
void list_problems(const Session& session, const nlohmann::json& problems, std::uint64_t total);
inline constexpr std::size_t kProblemsShown = 20;

}  // namespace beffroi::client
