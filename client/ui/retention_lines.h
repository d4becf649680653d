// Rules of retention in words.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "client/session.h"

namespace beffroi::client {

/// One sentence for each rule, and what holds besides: `rules` as the API has them.
std::vector<std::string> rules_in_words(const nlohmann::json& rules);

/// The list of an explanation: each snapshot, why it stays, or that it may go. The lines end without a newline.
std::string explanation_table(const Session& session, const nlohmann::json& explanation);

/// "locked until …", "first of its month": a reason as the API names it. What a later daemon says stays as it is.
std::string reason_in_words(const std::string& reason);

}  // namespace beffroi::client
