#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/peer_commands.h"
#include "client/commands/peer_organisations.h"
#include "client/commands/peer_status.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct InviteWords {
  std::string name, contact, quota, expires, address;
};

Result<int> invite(Session& session, const InviteWords& words) {
  json body = {{"name", words.name}};
  if (!words.contact.empty()) body["contact"] = words.contact;
  if (!words.quota.empty()) {
    BEFFROI_TRY(const std::uint64_t bytes, parse_size(words.quota));
    body["quota_bytes"] = bytes;
  }
  if (!words.expires.empty()) {
    BEFFROI_TRY(const std::uint64_t seconds, parse_duration(words.expires));
    body["expires_s"] = seconds;
  }
  if (!words.address.empty()) body["address"] = words.address;
  BEFFROI_TRY(const json invitation, session.peer().send("POST", "/v1/invite", body));
  session.say(fill(_("Invitation for {}, to be used once, until {}:"),
                   session.console().name(text_field(invitation, "name")),
                   time_text(text_field(invitation, "expires"))));
  session.say("");
  session.say(text_field(invitation, "code"));
  session.say("");
  session.say(_("Hand it over by telephone or on paper. On the station: beffroi join CODE"));
  session.answer(invitation);
  return kExitDone;
}

void say_invitations(const Session& session, const json& invitations) {
  for (const json& invitation : invitations) {
    const std::string name = session.console().name(text_field(invitation, "name"));
    const std::string id = text_field(invitation, "invitation");
    const std::string state = text_field(invitation, "state");
    if (state == "open")
      session.say(
          fill(_("Invitation {} for {}: open until {}."), id, name, time_text(text_field(invitation, "expires"))));
    if (state == "expired") session.say(fill(_("Invitation {} for {}: expired."), id, name));
    if (state == "revoked") session.say(fill(_("Invitation {} for {}: revoked."), id, name));
  }
}

Result<int> tenants(Session& session) {
  BEFFROI_TRY(const json answer, session.peer().get("/v1/tenants"));
  session.say(tenants_text(session, answer));
  say_invitations(session, sub_field(answer, "invitations"));
  session.answer(answer);
  return kExitDone;
}

HealthReport ask_health(Session& session) {
  const auto status = session.peer().get("/v1/status");
  if (!status) return peer_health(status.error());
  const auto list = session.peer().get("/v1/tenants");
  return list ? peer_health(*status, *list) : peer_health(list.error());
}

Result<int> peer_status(Session& session, bool check) {
  if (check) {
    const HealthReport health = ask_health(session);
    session.say(health.line);
    session.answer({{"health", static_cast<int>(health.health)}, {"line", health.line}});
    return static_cast<int>(health.health);
  }
  BEFFROI_TRY(const json status, session.peer().get("/v1/status"));
  say_peer_status(session, status);
  session.answer(status);
  return kExitDone;
}

void add_invite(Command& group, Session& session) {
  auto* const command = group.add_subcommand("invite", _("Make an invitation for one station of a commune"));
  command->group(_("Commands"));
  const auto words = std::make_shared<InviteWords>();
  command->add_option("--name", words->name, _("The commune's name, for your lists"))
      ->option_text(_("NAME (required)"))
      ->required();
  command->add_option("--contact", words->contact, _("Whom you call, for your lists"))->option_text(_("TEXT"));
  command->add_option("--quota", words->quota, _("How much its stations may store together, for example 200GiB"))
      ->option_text(_("SIZE"));
  command->add_option("--expires", words->expires, _("How long the invitation lasts (default: 14d)"))
      ->option_text(_("TIME"));
  command->add_option("--address", words->address, _("Where stations reach this peer"))->option_text(_("HOST:PORT"));
  command->footer(
      _("Example:\n  beffroi peer invite --name 'Saint-Aubin' --quota 200GiB --address backup.epci.example:8440"));
  command->callback([words, &session] { session.action = [words, &session] { return invite(session, *words); }; });
}

}  // namespace

void add_peer(Command& app, Session& session) {
  auto* const group = app.add_subcommand("peer", _("On a peer: invitations, communes, health, audit log"));
  group->group(_("Commands"));
  group->require_subcommand(1);
  add_invite(*group, session);
  add_peer_organisations(*group, session);
  auto* const listing = group->add_subcommand("tenants", _("List the communes, their stations and last backups"));
  listing->group(_("Commands"));
  listing->callback([&session] { session.action = [&session] { return tenants(session); }; });
  add_peer_chores(*group, session);
  auto* const state = group->add_subcommand("status", _("Is all well at this peer?"));
  state->group(_("Commands"));
  const auto check = std::make_shared<bool>(false);
  state->add_flag("--check", *check, _("One line and an exit code for Nagios: 0 ok, 1 warning, 2 critical, 3 unknown"));
  state->callback([check, &session] { session.action = [check, &session] { return peer_status(session, *check); }; });
  add_peer_audit(*group, session);
  add_peer_clock(*group, session);
  add_peer_losses(*group, session);
}

}  // namespace beffroi::client
