#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kIdDigitsShown = 12;

std::string remarks(const json& snapshot) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  for (const json& tag : sub_field(snapshot, "tags"))
    if (tag.is_string()) add("#" + tag.get<std::string>());
  if (flag_field(snapshot, "partial")) add(_("part of a big backup"));
  if (flag_field(snapshot, "stale")) add(_("a source was missing or empty"));
  if (const auto problems = number_field(snapshot, "problems"); problems > 0)
    add(fill(ngettext("{} problem", "{} problems", problems), count_text(problems)));
  return out;
}

Result<int> snapshots(Session& session) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/snapshots"));
  const json& list = sub_field(answer, "snapshots");
  if (list.empty()) session.say(_("There is no snapshot yet. 'beffroi backup' makes one."));
  std::vector<std::vector<std::string>> rows = {{_("snapshot"), _("date"), _("machine"), std::string("\t") + _("files"),
                                                 std::string("\t") + _("size"), _("receipt"), ""}};
  for (const json& snapshot : list) {
    const json& receipt = sub_field(snapshot, "receipt");
    rows.push_back({text_field(snapshot, "id").substr(0, kIdDigitsShown), time_text(text_field(snapshot, "time")),
                    session.console().name(text_field(snapshot, "host")),
                    "\t" + count_text(number_field(snapshot, "files")),
                    "\t" + size_text(number_field(snapshot, "bytes")),
                    receipt.empty() ? "-" : std::to_string(number_field(receipt, "counter")),
                    session.console().name(remarks(snapshot))});
  }
  if (!list.empty()) {
    std::string text = table_text(rows);
    text.pop_back();
    session.say(text);
  }
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_snapshots(Command& app, Session& session) {
  auto* const command = app.add_subcommand("snapshots", _("List the snapshots, oldest first"));
  command->group(_("Commands"));
  command->callback([&session] { session.action = [&session] { return snapshots(session); }; });
}

}  // namespace beffroi::client
