#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/entry_lines.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct FindWords {
  std::string pattern, snapshot;
};

Result<int> find(Session& session, const FindWords& words) {
  std::string target = "/v1/find?pattern=" + query_value(words.pattern);
  if (!words.snapshot.empty()) target += "&snapshot=" + query_value(words.snapshot);
  EntryPrinter printer(session, [&](const json& entry) { return entry_line(entry, session.console()); });
  const auto last_word = session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") == "entry") printer.print(event);
    return {};
  });
  if (last_word && number_field(*last_word, "entries") == 0)
    session.remark(_("Nothing by that name. '*' stands for any letters: beffroi find '*budget*'."));
  return printer.finish(last_word);
}

}  // namespace

void add_find(Command& app, Session& session) {
  auto* const command = app.add_subcommand("find", _("Find files by name in a snapshot"));
  command->group(_("Commands"));
  const auto words = std::make_shared<FindWords>();
  command->add_option("PATTERN", words->pattern, _("A name with * and ?; over the whole path when it has a /"))
      ->option_text(" ")
      ->required();
  command->add_option("--snapshot", words->snapshot, _("Where to look (default: latest)"))->option_text(_("SNAP"));
  command->footer(_("Example:\n  beffroi find '*budget*2026*'"));
  command->callback([words, &session] { session.action = [words, &session] { return find(session, *words); }; });
}

}  // namespace beffroi::client
