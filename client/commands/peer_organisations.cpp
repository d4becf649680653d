#include "client/commands/peer_organisations.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct OrganisationWords {
  std::string name, quota, contact, rename, invitation, reason, confirm;
  const Option* contact_given = nullptr;
};
using Words = std::shared_ptr<OrganisationWords>;

// "none" and "0" are not the same: with a quota of 0 nothing can be stored.
Result<json> change_body(const OrganisationWords& words) {
  json body = {{"name", words.name}};
  if (words.quota == "none") {
    body["no_quota"] = true;
  } else if (!words.quota.empty()) {
    BEFFROI_TRY(const std::uint64_t bytes, parse_size(words.quota));
    body["quota_bytes"] = bytes;
  }
  if (words.contact_given->given()) body["contact"] = words.contact;
  if (!words.rename.empty()) body["rename"] = words.rename;
  return body;
}

Result<int> change(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json body, change_body(words));
  BEFFROI_TRY(const json organisation, session.peer().send("POST", "/v1/change", body));
  const json quota = organisation.value("quota_bytes", json());
  session.say(fill(_("{}: quota {}, {} used."), session.console().name(text_field(organisation, "name")),
                   quota.is_number() ? size_text(number_field(organisation, "quota_bytes")) : std::string(_("none")),
                   size_text(number_field(organisation, "used_bytes"))));
  session.answer(organisation);
  return kExitDone;
}

Result<int> revoke(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json answer, session.peer().send("POST", "/v1/revoke", {{"invitation", words.invitation}}));
  session.say(fill(_("The invitation {} for {} is worth nothing any more."), session.console().name(words.invitation),
                   session.console().name(text_field(answer, "name"))));
  session.answer(answer);
  return kExitDone;
}

Result<int> suspend(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json organisation,
              session.peer().send("POST", "/v1/suspend", {{"name", words.name}, {"reason", words.reason}}));
  session.say(fill(_("{} is suspended: its stations store nothing new, and can restore everything."),
                   session.console().name(text_field(organisation, "name"))));
  session.answer(organisation);
  return kExitDone;
}

Result<int> resume(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json organisation, session.peer().send("POST", "/v1/resume", {{"name", words.name}}));
  session.say(fill(_("{} stores again."), session.console().name(text_field(organisation, "name"))));
  session.answer(organisation);
  return kExitDone;
}

Result<int> erase(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json erasure,
              session.peer().send("POST", "/v1/erase", {{"name", words.name}, {"confirm", words.confirm}}));
  session.say(erasure_text(session, erasure));
  session.answer(erasure);
  return kExitDone;
}

// With a name the records of that one in full.
Result<int> erased(Session& session, const OrganisationWords& words) {
  BEFFROI_TRY(const json answer, session.peer().get("/v1/erased"));
  json chosen = json::array();
  for (const json& erasure : sub_field(answer, "erasures"))
    if (words.name.empty() || text_field(erasure, "name") == words.name) chosen.push_back(erasure);
  for (const json& erasure : chosen) {
    if (!words.name.empty()) session.say(erasure_text(session, erasure));
    if (words.name.empty())
      session.say(fill(_("{}: erased {} by {}, {}"), session.console().name(text_field(erasure, "name")),
                       time_text(text_field(erasure, "erased")), session.console().name(text_field(erasure, "by")),
                       size_text(number_field(erasure, "sealed_bytes"))));
  }
  if (chosen.empty()) session.say(_("Nothing was erased here."));
  session.answer({{"erasures", chosen}});
  return kExitDone;
}

using Action = Result<int> (*)(Session&, const OrganisationWords&);

Command* add_command(Command& group, Session& session, const char* name, const char* help, const Words& words,
                     Action action) {
  auto* const command = group.add_subcommand(name, help);
  command->group(_("Commands"));
  command->callback(
      [words, &session, action] { session.action = [words, &session, action] { return action(session, *words); }; });
  return command;
}

void add_name(Command& command, OrganisationWords& words) {
  command.add_option("NAME", words.name, _("The organisation's name"))->option_text(" ")->required();
}

void add_change(Command& group, Session& session) {
  const auto words = std::make_shared<OrganisationWords>();
  auto* const command =
      add_command(group, session, "change", _("Change an organisation's quota, contact or name"), words, change);
  add_name(*command, *words);
  command->add_option("--quota", words->quota, _("How much its stations may store together; none: as much as there is"))
      ->option_text(_("SIZE|none"));
  words->contact_given =
      command->add_option("--contact", words->contact, _("Whom you call, for your lists"))->option_text(_("TEXT"));
  command->add_option("--rename", words->rename, _("Its new name"))->option_text(_("NEW"));
}

void add_suspension(Command& group, Session& session) {
  const auto words = std::make_shared<OrganisationWords>();
  auto* const command =
      add_command(group, session, "suspend",
                  _("Let an organisation store nothing new; it can still restore everything"), words, suspend);
  add_name(*command, *words);
  command->add_option("--reason", words->reason, _("Why, for your lists"))->option_text(_("TEXT"));
  const auto back = std::make_shared<OrganisationWords>();
  add_name(*add_command(group, session, "resume", _("Let a suspended organisation store again"), back, resume), *back);
}

void add_erasure(Command& group, Session& session) {
  const auto words = std::make_shared<OrganisationWords>();
  auto* const command =
      add_command(group, session, "erase", _("Erase all that a suspended organisation has here, and print the record"),
                  words, erase);
  add_name(*command, *words);
  command->add_option("--confirm", words->confirm, _("The name once more: what is erased does not come back"))
      ->option_text(_("NAME (required)"))
      ->required();
  const auto which = std::make_shared<OrganisationWords>();
  auto* const listing =
      add_command(group, session, "erased", _("List what was erased; with NAME its record"), which, erased);
  listing->add_option("NAME", which->name, _("The organisation's name"))->option_text(" ");
}

}  // namespace

void add_peer_organisations(Command& group, Session& session) {
  add_change(group, session);
  const auto words = std::make_shared<OrganisationWords>();
  auto* const command = add_command(group, session, "revoke", _("Take an invitation back"), words, revoke);
  command->add_option("INVITATION", words->invitation, _("The beginning of its id, as 'peer tenants' shows it"))
      ->option_text(" ")
      ->required();
  add_suspension(group, session);
  add_erasure(group, session);
}

}  // namespace beffroi::client
