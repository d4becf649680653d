// space remove-computer: a lost or stolen computer goes out of all spaces at once.
#include <map>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

/// Where one computer is.
struct Seat {
  std::string space, space_name, member, member_name;
};
struct Computer {
  std::string name;
  bool me = false;
  std::vector<Seat> seats;
};

/// By id.
Result<std::map<std::string, Computer>> all_computers(Session& session) {
  std::map<std::string, Computer> out;
  BEFFROI_TRY(const json spaces, session.station().get("/v1/spaces"));
  for (const json& space : sub_field(spaces, "spaces")) {
    if (text_field(space, "state") != "joined") continue;
    SpaceWords words;
    words.space = text_field(space, "space");
    BEFFROI_TRY(const json members, session.station().get("/v1/spaces/members" + space_query(words)));
    for (const json& member : sub_field(members, "members"))
      for (const json& device : sub_field(member, "devices")) {
        Computer& computer = out[text_field(device, "id")];
        computer.name = text_field(device, "name");
        computer.me = computer.me || flag_field(device, "me");
        computer.seats.push_back(
            {words.space, text_field(space, "name"), text_field(member, "id"), text_field(member, "name")});
      }
  }
  return out;
}

Result<std::pair<std::string, Computer>> find_computer(Session& session, const std::string& wanted) {
  BEFFROI_TRY(const auto computers, all_computers(session));
  std::vector<std::pair<std::string, Computer>> fitting;
  for (const auto& [id, computer] : computers)
    if (computer.name == wanted || (wanted.size() >= kMinPrefixDigits && id.starts_with(wanted)))
      fitting.emplace_back(id, computer);
  if (fitting.empty())
    return fail(ErrorCode::not_found,
                N_("No computer {} is in a space of this computer. 'beffroi space members' shows their names."),
                wanted);
  if (fitting.size() > 1)
    return fail(ErrorCode::usage, N_("Several computers fit {}. Give the beginning of its id."), wanted);
  if (fitting.front().second.me)
    return fail(ErrorCode::usage, N_("This is the computer that you are at: 'beffroi space leave' takes it out."));
  return fitting.front();
}

void say_computer(const Session& session, const std::string& id, const Computer& computer) {
  session.say(fill(_("The computer {} ({}) of {} is in these spaces:"), session.console().name(computer.name),
                   short_id(id), session.console().name(computer.seats.front().member_name)));
  for (const Seat& seat : computer.seats) session.say("  " + session.console().name(seat.space_name));
}

Result<int> remove_computer(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const auto found, find_computer(session, words.device));
  const auto& [id, computer] = found;
  say_computer(session, id, computer);
  BEFFROI_CHECK(ask_yes(session, _("Type \"yes\" to take it out of all of them: "), words.yes,
                        N_("Nothing was changed. Add --yes to take it out of all of them.")));
  json done = json::array(), failed = json::array();
  for (const Seat& seat : computer.seats) {
    const std::string name = session.console().name(seat.space_name);
    const auto answer = session.station().send(
        "POST", "/v1/spaces/remove",
        {{"space", seat.space}, {"member", seat.member}, {"device", id}, {"hostile", words.hostile}});
    if (answer) {
      session.say(fill(_("{}: taken out, and the keys are renewed."), name));
      done.push_back(seat.space);
      continue;
    }
    session.say(fill(_("{}: not taken out. {}"), name, session.console().name(answer.error().message())));
    json item = error_json(answer.error());
    item["space"] = seat.space;
    failed.push_back(std::move(item));
  }
  if (!failed.empty())
    session.say(_("Ask a manager of those spaces, or try again: until then it may still read and write there."));
  session.answer({{"device", id}, {"spaces", done}, {"failed", failed}});
  return failed.empty() ? kExitDone : kExitFailed;
}

}  // namespace

void add_space_computers(Command& group, Session& session) {
  const auto removed =
      add_space_command(group, session, "remove-computer",
                        _("Take a lost or stolen computer out of all spaces of this computer"), remove_computer);
  removed.command->add_option("COMPUTER", removed.words->device, _("Its name, or the beginning of its id"))
      ->option_text(" ")
      ->required();
  removed.command->add_flag("--hostile", removed.words->hostile,
                            _("It was stolen by somebody who may use it: everything is stored anew"));
  removed.command->add_flag("--yes", removed.words->yes, _("Do not ask"));
}

}  // namespace beffroi::client
