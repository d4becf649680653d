#include "client/commands/problems.h"

#include <nlohmann/json.hpp>

#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {

void list_problems(const Session& session, const nlohmann::json& problems, std::uint64_t total) {
  std::uint64_t shown = 0;
  for (const nlohmann::json& problem : problems) {
    if (shown == kProblemsShown) break;
    const std::string path = path_field(problem);
    const std::string said = translated(said_in(problem));
    // A sentence that names the file itself needs no second name.
    const bool named = path.empty() || said.contains(path);
    session.remark(session.console().name(named ? "  " + said : "  " + path + ": " + said));
    ++shown;
  }
  if (total > shown && shown > 0)
    session.remark(fill(ngettext("  … and {} more.", "  … and {} more.", total - shown), count_text(total - shown)));
}

}  // namespace beffroi::client
