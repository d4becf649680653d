#include "client/commands/space_words.h"

namespace beffroi::client {

SpaceCommand add_space_command(Command& group, Session& session, const char* name, const std::string& help,
                               SpaceAction action) {
  const SpaceCommand out{group.add_subcommand(name, help), std::make_shared<SpaceWords>()};
  out.command->group(_("Commands"));
  out.command->callback([words = out.words, &session, action] {
    session.action = [words, &session, action] { return action(session, *words); };
  });
  return out;
}

void take_space(const SpaceCommand& added) {
  added.command->add_option("SPACE", added.words->space, _("Its name, or the beginning of its id"))
      ->option_text(" ")
      ->required();
}

std::string short_id(const std::string& id) { return id.substr(0, kIdDigitsShown); }

std::string role_in_words(const std::string& role) {
  if (role == "manager") return _("manager");
  if (role == "writer") return _("writer");
  if (role == "reader") return _("reader");
  if (role == "depositor") return _("depositor");
  return role;
}

Result<void> ignore_event(const nlohmann::json&) { return {}; }

std::string space_query(const SpaceWords& words) { return "?space=" + query_value(words.space); }

Result<void> ask_yes(const Session& session, const std::string& question, bool yes, const char* unattended) {
  if (yes) return {};
  const Console& console = session.console();
  if (!console.in_is_terminal) return fail(ErrorCode::usage, unattended);
  BEFFROI_TRY(const std::string answer, console.ask(question, false));
  if (answer == "yes" || answer == _("yes")) return {};
  return fail(ErrorCode::cancelled, N_("Nothing was changed."));
}

}  // namespace beffroi::client
