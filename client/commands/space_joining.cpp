// space invite, invitations, revoke, join, requests, confirm, refuse: how somebody comes into a space.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/selection.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

Result<int> invite(Session& session, const SpaceWords& words) {
  json body = {{"space", words.space}, {"role", words.role}};
  if (!words.expires.empty()) {
    BEFFROI_TRY(body["expires_s"], parse_duration(words.expires));
  }
  BEFFROI_TRY(const json answer, session.station().send("POST", "/v1/spaces/invite", body));
  session.say(fill(_("Invitation for one computer, as {}, good until {}:"), role_in_words(words.role),
                   time_text(text_field(answer, "expires"))));
  session.say("");
  session.say(text_field(answer, "code"));
  session.say("");
  session.say(
      _("Give this code to the person on paper, by telephone or in an encrypted message: who has it can ask to "
        "be let in."));
  session.say(fill(_("When they have used it: beffroi space requests {}"), session.console().name(words.space)));
  session.answer(answer);
  return kExitDone;
}

std::string invitation_state(const json& invitation) {
  const std::string state = text_field(invitation, "state");
  const std::string applicant = text_field(invitation, "applicant");
  if (state == "used") return fill(_("used by {}"), applicant);
  if (state == "refused") return _("refused");
  if (state == "revoked") return _("taken back");
  if (state == "expired") return _("expired");
  return fill(_("open until {}"), time_text(text_field(invitation, "expires")));
}

Result<int> invitations(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/invitations" + space_query(words)));
  std::vector<std::vector<std::string>> rows;
  for (const json& invitation : sub_field(answer, "invitations"))
    rows.push_back({short_id(text_field(invitation, "id")), role_in_words(text_field(invitation, "role")),
                    session.console().name(invitation_state(invitation))});
  session.say(rows.empty() ? std::string(_("This computer has made no invitation to this space.")) : table_text(rows));
  session.answer(answer);
  return kExitDone;
}

Result<int> revoke(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().send("POST", "/v1/spaces/revoke", {{"space", words.space}, {"id", words.id}}));
  session.say(fill(_("The invitation {} is worth nothing any more."), short_id(text_field(answer, "id"))));
  session.answer(answer);
  return kExitDone;
}

/// Waits for the manager's answer.
Result<json> wait_for_yes(Session& session, const std::string& space) {
  session.say(_("Waiting for the yes. Ctrl-C ends the waiting, not the request."));
  session.console().out.flush();
  BEFFROI_TRY(json answer, session.station().post_events("/v1/spaces/wait", {{"space", space}}, ignore_event));
  const std::string state = text_field(answer, "state");
  if (state == "joined") return answer;
  if (state == "refused")
    return fail(ErrorCode::refused, N_("A manager of the space said no: {}"), text_field(answer, "reason"));
  return fail(ErrorCode::refused, N_("The invitation has expired, or was taken back. Ask for a new one."));
}

Result<int> join(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const std::string folder, absolute_path(words.folder));
  json body = {
      {"code", words.code}, {"name", words.person}, {"device_name", words.device}, {"list_only", words.list_only}};
  json named;
  set_path(named, folder);
  body["folder"] = named["path"];
  if (named.contains("path_b64")) body["folder_b64"] = named["path_b64"];
  BEFFROI_TRY(json answer, session.station().send("POST", "/v1/spaces/join", body));
  const std::string space = text_field(answer, "space");
  session.say(fill(_("Your request to join waits for a manager of the space {}."), short_id(space)));
  session.say(_("Call the person who invited you, and read these six words to each other. They must be the same:"));
  session.say("");
  session.say("  " + text_field(answer, "words"));
  session.say("");
  if (words.wait) {
    BEFFROI_TRY(const json joined, wait_for_yes(session, space));
    answer.update(joined);
    session.say(fill(_("This computer is in the space {}. Its files come into {}."),
                     session.console().name(text_field(answer, "name")), session.console().name(folder)));
  } else {
    answer["state"] = "waiting";
    session.say(fill(_("After the yes, the files come into {} by themselves."), session.console().name(folder)));
  }
  if (words.list_only)
    session.say(
        fill(_("But not before you fetch them: 'beffroi space files {}' shows what there is."), short_id(space)));
  session.answer(answer);
  return kExitDone;
}

void say_request(const Session& session, const json& request) {
  session.say("");
  session.say(fill(_("Request {}, received {}"), short_id(text_field(request, "id")),
                   time_text(text_field(request, "received"))));
  if (!flag_field(request, "mine")) {
    session.say(_("  Another manager has made this invitation, and answers on the computer on which it was made."));
    return;
  }
  session.say(fill(_("  Name: {}, computer: {} (their own words)"), session.console().name(text_field(request, "name")),
                   session.console().name(text_field(request, "device_name"))));
  session.say(fill(_("  Is to be: {}"), role_in_words(text_field(request, "role"))));
  if (flag_field(request, "known")) session.say(_("  Is a member already: this is a further computer."));
  session.say(fill(_("  Six words: {}"), text_field(request, "words")));
  const json& problem = sub_field(request, "problem");
  if (!problem.empty()) session.say("  " + session.console().name(translated(said_in(problem))));
}

Result<int> requests(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/requests" + space_query(words)));
  const json& list = sub_field(answer, "requests");
  if (list.empty()) session.say(_("Nobody waits to be let into this space."));
  for (const json& request : list) say_request(session, request);
  session.answer(answer);
  return kExitDone;
}

Result<json> find_request(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/requests" + space_query(words)));
  std::vector<json> fitting;
  for (const json& request : sub_field(answer, "requests"))
    if (words.id.size() >= kMinPrefixDigits && text_field(request, "id").starts_with(words.id))
      fitting.push_back(request);
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    return fail(ErrorCode::not_found,
                N_("Nobody waits under {} to be let in. 'beffroi space requests' shows who waits."), words.id);
  return fail(ErrorCode::usage, N_("Several requests begin with {}. Give more digits."), words.id);
}

/// The words that were compared: on the command line, or here and now.
Result<std::string> compared_words(Session& session, const SpaceWords& words) {
  if (!words.words.empty()) return words.words;
  BEFFROI_TRY(const json request, find_request(session, words));
  say_request(session, request);
  BEFFROI_CHECK(ask_yes(session, _("Call the person. If they read these same six words to you, type \"yes\": "),
                        words.yes,
                        N_("Nobody was let in. When the six words were compared, add --yes, or give them with "
                           "--words.")));
  return text_field(request, "words");
}

Result<int> confirm(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const std::string compared, compared_words(session, words));
  BEFFROI_TRY(const json answer,
              session.station().send("POST", "/v1/spaces/confirm",
                                     {{"space", words.space}, {"id", words.id}, {"words", compared}}));
  session.say(fill(_("{} is in the space now, as {}."), session.console().name(text_field(answer, "name")),
                   role_in_words(text_field(answer, "role"))));
  session.answer(answer);
  return kExitDone;
}

Result<int> refuse(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().send("POST", "/v1/spaces/refuse",
                                     {{"space", words.space}, {"id", words.id}, {"reason", words.reason}}));
  session.say(fill(_("The request {} is refused, and its invitation is worth nothing any more."),
                   short_id(text_field(answer, "id"))));
  session.answer(answer);
  return kExitDone;
}

void take_id(const SpaceCommand& added, const std::string& help) {
  added.command->add_option("ID", added.words->id, help)->option_text(" ")->required();
}

void add_inviting(Command& group, Session& session) {
  const auto invited =
      add_space_command(group, session, "invite", _("Make an invitation for one computer of somebody"), invite);
  take_space(invited);
  invited.command->add_option("--role", invited.words->role, _("What the person may"))
      ->one_of({"manager", "writer", "reader"})
      ->option_text(_("manager|writer|reader (required)"))
      ->required();
  invited.command->add_option("--expires", invited.words->expires, _("How long it is good (else 7 days)"))
      ->option_text(_("DUR"));
  take_space(
      add_space_command(group, session, "invitations", _("The invitations that this computer has made"), invitations));
  const auto revoked = add_space_command(group, session, "revoke", _("Take an invitation back"), revoke);
  take_space(revoked);
  take_id(revoked, _("Beginning of its id"));
}

void add_asking(Command& group, Session& session) {
  const auto joined =
      add_space_command(group, session, "join", _("Ask to be let into a space, with an invitation"), join);
  joined.command->add_option("CODE", joined.words->code, _("The invitation"))->option_text(" ")->required();
  joined.command->add_option("--folder", joined.words->folder, _("Where its files come; it may have files"))
      ->option_text(_("DIR (required)"))
      ->required();
  joined.command->add_option("--name", joined.words->person, _("Your name, as the others see it (else the vault's)"))
      ->option_text(_("PERSON"));
  joined.command->add_option("--device", joined.words->device, _("This computer's name, as the others see it"))
      ->option_text(_("NAME"));
  joined.command->add_flag("--list-only", joined.words->list_only,
                           _("Bring no files here before 'beffroi space fetch' asks for them"));
  joined.command->add_flag("--wait", joined.words->wait, _("Wait until a manager has answered"));
}

}  // namespace

void add_space_joining(Command& group, Session& session) {
  add_inviting(group, session);
  add_asking(group, session);
  take_space(add_space_command(group, session, "requests", _("Who waits to be let in"), requests));
  const auto confirmed = add_space_command(
      group, session, "confirm", _("Let somebody in, after you have compared the six words by telephone"), confirm);
  take_space(confirmed);
  take_id(confirmed, _("Beginning of the request's id"));
  confirmed.command->add_option("--words", confirmed.words->words, _("The six words that the person has read to you"))
      ->option_text(_("WORDS"));
  confirmed.command->add_flag("--yes", confirmed.words->yes, _("Do not ask: the words were compared"));
  const auto refused = add_space_command(group, session, "refuse", _("Say no to a request"), refuse);
  take_space(refused);
  take_id(refused, _("Beginning of the request's id"));
  refused.command->add_option("--reason", refused.words->reason, _("What the person is told"))->option_text(_("TEXT"));
}

}  // namespace beffroi::client
