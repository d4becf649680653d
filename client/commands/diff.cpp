#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/entry_lines.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct DiffWords {
  std::string before, after;
};

std::string change_line(const json& change, const Console& console) {
  const std::string kind = text_field(change, "change");
  const std::string name = console.name(path_field(change));
  const std::string before = size_text(number_field(change, "size_before"));
  const std::string after = size_text(number_field(change, "size_after"));
  const bool is_file = text_field(change, "type") == "file";
  if (kind == "added") return "+ " + name + (is_file ? "  (" + after + ")" : "");
  if (kind == "removed") return "- " + name + (is_file ? "  (" + before + ")" : "");
  if (kind == "content") return "* " + name + "  (" + before + " -> " + after + ")";
  return ". " + name + "  (" + _("only rights, owner or date") + ")";
}

Result<int> diff(Session& session, const DiffWords& words) {
  const std::string target = "/v1/diff?a=" + query_value(words.before) + "&b=" + query_value(words.after);
  EntryPrinter printer(session, [&](const json& change) { return change_line(change, session.console()); });
  return printer.finish(session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (event.contains("change")) printer.print(event);
    return {};
  }));
}

}  // namespace

void add_diff(Command& app, Session& session) {
  auto* const command = app.add_subcommand("diff", _("What changed between two snapshots"));
  command->group(_("Commands"));
  const auto words = std::make_shared<DiffWords>();
  command->add_option("A", words->before, _("The older snapshot"))->option_text(" ")->required();
  command->add_option("B", words->after, _("The newer one"))->option_text(" ")->required();
  command->footer(
      _("+ added, - removed, * other content, . only rights, owner or date.\nExample:\n  beffroi diff 3f9a latest"));
  command->callback([words, &session] { session.action = [words, &session] { return diff(session, *words); }; });
}

}  // namespace beffroi::client
