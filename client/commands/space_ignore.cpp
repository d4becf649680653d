#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/space_history.h"
#include "client/http/json_fields.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct IgnoreWords {
  std::string space;
  std::vector<std::string> add, remove;
  bool list = false;
};

void say_rules(const Session& session, const json& answer) {
  const json& patterns = sub_field(answer, "patterns");
  if (patterns.empty()) {
    session.say(_("Nothing is left out: every file of the folder is shared."));
    return;
  }
  session.say(flag_field(answer, "defaults") ? _("These names are left out, as in every new space:")
                                             : _("These names are left out:"));
  for (const json& pattern : patterns)
    if (pattern.is_string()) session.say("  " + session.console().name(pattern.get<std::string>()));
}

Result<int> ignore(Session& session, const IgnoreWords& words) {
  const bool changes = !words.add.empty() || !words.remove.empty();
  if (changes && words.list) return fail(ErrorCode::usage, N_("--list only shows: leave it away to change something."));
  BEFFROI_TRY(const json answer,
              changes ? session.station().send("POST", "/v1/spaces/ignore",
                                               {{"space", words.space}, {"add", words.add}, {"remove", words.remove}})
                      : session.station().get("/v1/spaces/ignore?space=" + query_value(words.space)));
  if (changes) session.say(_("This holds for all members of the space from now on."));
  say_rules(session, answer);
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_space_ignore(Command& group, Session& session) {
  auto* const command = group.add_subcommand("ignore", _("Show or change the names that a space leaves out"));
  const auto words = std::make_shared<IgnoreWords>();
  command->add_option("SPACE", words->space, _("Its name, or the beginning of its id"))->option_text(" ")->required();
  command->add_option("--add", words->add, _("Leave out such names as well; may be said several times"))
      ->option_text(_("PATTERN"))
      ->allow_extra_args(false);
  command->add_option("--remove", words->remove, _("Leave out such names no more"))
      ->option_text(_("PATTERN"))
      ->allow_extra_args(false);
  command->add_flag("--list", words->list, _("Only show them (so does saying nothing)"));
  command->footer(
      _("In a pattern * stands for any characters of a name, ? for one, ** for any folders; with a / in front it is "
        "meant from the folder's top on, with one behind it for folders only.\n"
        "Example:\n  beffroi space ignore voirie --add '*.bak' --add /brouillons/"));
  command->callback([words, &session] { session.action = [words, &session] { return ignore(session, *words); }; });
}

}  // namespace beffroi::client
