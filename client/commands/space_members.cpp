// space members, role, remove, rename, log: who is in a space.
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

std::string device_state(const json& device) {
  if (flag_field(device, "me")) return _("this computer");
  const std::string last = text_field(device, "last_commit");
  if (last.empty()) return _("has changed nothing yet");
  return fill(_("last change {}"), time_text(last));
}

Result<int> members(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/members" + space_query(words)));
  std::vector<std::vector<std::string>> rows;
  for (const json& member : sub_field(answer, "members")) {
    const std::string role = role_in_words(text_field(member, "role"));
    const json& devices = sub_field(member, "devices");
    const std::string name = session.console().name(text_field(member, "name"));
    if (devices.empty()) rows.push_back({short_id(text_field(member, "id")), name, role, _("no computer")});
    for (const json& device : devices)
      rows.push_back({short_id(text_field(device, "id")),
                      name + ", " + session.console().name(text_field(device, "name")),
                      role_in_words(text_field(device, "role")), device_state(device)});
  }
  session.say(table_text(rows));
  session.answer(answer);
  return kExitDone;
}

Result<int> role(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().send("POST", "/v1/spaces/role",
                                     {{"space", words.space}, {"member", words.member}, {"role", words.role}}));
  session.say(fill(_("{} is a {} now."), session.console().name(text_field(answer, "name")),
                   role_in_words(text_field(answer, "role"))));
  session.answer(answer);
  return kExitDone;
}

/// What no removal can take back.
void say_what_is_left(const Session& session, bool hostile) {
  session.say(_("From now on nothing new can be read or written there. But know what a removal can't do:"));
  session.say(_("  - What was on that computer stays on it, with all that could be read until now."));
  session.say(
      _("  - It still has the keys of what was written before: only what is written from now on is safe from it."));
  if (!hostile)
    session.say(
        _("  - From the sizes of what is stored it may still tell whether a file that it knows is there. If it "
          "was stolen, remove with --hostile."));
  else
    session.say(
        _("  - All files of the space are now stored anew under new keys: that takes time, and room at the "
          "peer."));
}

Result<int> remove(Session& session, const SpaceWords& words) {
  json body = {{"space", words.space}, {"member", words.member}, {"hostile", words.hostile}};
  if (!words.device.empty()) body["device"] = words.device;
  BEFFROI_TRY(const json answer, session.station().send("POST", "/v1/spaces/remove", body));
  const std::string name = session.console().name(text_field(answer, "name"));
  if (words.device.empty())
    session.say(fill(_("{} is no longer in the space."), name));
  else
    for (const json& device : sub_field(answer, "devices"))
      session.say(fill(_("The computer {} of {} is no longer in the space."),
                       session.console().name(text_field(device, "name")), name));
  say_what_is_left(session, words.hostile);
  session.answer(answer);
  return kExitDone;
}

Result<int> rename(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().send(
                  "POST", "/v1/spaces/rename",
                  {{"space", words.space}, {"name", words.name}, {"member", words.member}, {"device", words.device}}));
  session.say(fill(_("The others see the name {} from now on."), session.console().name(words.name)));
  session.answer(answer);
  return kExitDone;
}

/// "Claire, PC mairie", or "Claire, with the kit".
std::string signer_in_words(const json& record) {
  const json& by = sub_field(record, "by");
  const std::string member = text_field(sub_field(by, "member"), "name");
  const json& device = sub_field(by, "device");
  if (device.empty()) return fill(_("{}, with the kit"), member);
  return member + ", " + text_field(device, "name");
}

std::string removal_in_words(const json& record) {
  const std::string member = text_field(sub_field(record, "member"), "name");
  std::string devices;
  for (const json& device : sub_field(record, "devices"))
    devices += (devices.empty() ? "" : ", ") + text_field(device, "name");
  std::string out = member.empty() ? fill(_("took the computers out: {}"), devices)
                                   : fill(_("took {} out, with the computers: {}"), member, devices);
  if (flag_field(record, "hostile")) out += ' ' + std::string(_("(hostile)"));
  return out;
}

std::string record_in_words(const json& record) {
  const std::string type = text_field(record, "type");
  const std::string member = text_field(sub_field(record, "member"), "name");
  const std::string role_name = role_in_words(text_field(record, "role"));
  if (type == "genesis") return _("founded the space");
  if (type == "member") return fill(_("made {} a {}"), member, role_name);
  if (type == "device")
    return fill(_("let in the computer {} of {}"), text_field(sub_field(record, "device"), "name"), member);
  if (type == "removal") return removal_in_words(record);
  if (type == "epoch") return fill(_("renewed the keys (number {})"), count_text(number_field(record, "epoch")));
  if (type == "settings") return _("changed which names are left out");
  if (type == "retention") return _("set how long old versions are kept");
  if (type == "deletion") return _("asked for a deletion");
  if (type == "cancel") return _("took a deletion back");
  return type;
}

Result<int> log(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/log" + space_query(words)));
  for (const json& record : sub_field(answer, "records"))
    session.say(session.console().name(fill(_("{}  {}: {}"), time_text(text_field(record, "time")),
                                            signer_in_words(record), record_in_words(record))));
  session.answer(answer);
  return kExitDone;
}

void take_member(const SpaceCommand& added) {
  added.command->add_option("MEMBER", added.words->member, _("Name, or the beginning of the id, of a member"))
      ->option_text(" ")
      ->required();
}

void add_rename(Command& group, Session& session) {
  const auto renamed =
      add_space_command(group, session, "rename", _("Change your name, or another's, as all see it"), rename);
  take_space(renamed);
  renamed.command->add_option("NAME", renamed.words->name, _("The new name"))->option_text(" ")->required();
  renamed.command->add_option("--member", renamed.words->member, _("Whose it is (else yours): takes a manager"))
      ->option_text(_("MEMBER"));
  renamed.command->add_option("--device", renamed.words->device, _("Name this computer of the member instead"))
      ->option_text(_("ID"));
}

}  // namespace

void add_space_members(Command& group, Session& session) {
  take_space(
      add_space_command(group, session, "members", _("Who is in a space, as what, with which computers"), members));
  const auto changed = add_space_command(group, session, "role", _("Change what a member may"), role);
  take_space(changed);
  take_member(changed);
  changed.command->add_option("ROLE", changed.words->role, _("manager, writer or reader"))
      ->one_of({"manager", "writer", "reader"})
      ->option_text(" ")
      ->required();
  const auto removed =
      add_space_command(group, session, "remove", _("Take a member, or one of its computers, out of a space"), remove);
  take_space(removed);
  take_member(removed);
  removed.command->add_option("--device", removed.words->device, _("Only this computer of the member"))
      ->option_text(_("ID"));
  removed.command->add_flag("--hostile", removed.words->hostile,
                            _("The computer was stolen, or the person works against you: everything is stored anew"));
  add_rename(group, session);
  take_space(add_space_command(group, session, "log", _("Who let whom in or out, and when"), log));
}

}  // namespace beffroi::client
