#include <nlohmann/json.hpp>

#include "client/commands/peer_organisations.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts)
    if (!part.empty()) out += (out.empty() ? "" : ", ") + part;
  return out;
}

std::string organisation_remarks(const Session& session, const json& organisation) {
  const std::string since = text_field(organisation, "suspended");
  const std::string reason = text_field(organisation, "suspended_reason");
  std::string suspended;
  if (!since.empty()) suspended = fill(_("suspended since {}"), time_text(since));
  if (!since.empty() && !reason.empty()) suspended += " (" + session.console().name(reason) + ")";
  return joined({suspended, session.console().name(text_field(organisation, "contact"))});
}

std::string station_remarks(const json& tenant) {
  std::string damaged;
  if (const auto quarantined = number_field(tenant, "quarantined"); quarantined > 0)
    damaged = fill(ngettext("{} damaged object", "{} damaged objects", quarantined), count_text(quarantined));
  const bool is_share = text_field(tenant, "kind") == "share";
  return joined({is_share ? _("shared folder") : "", damaged, flag_field(tenant, "silent") ? _("silent") : ""});
}

std::vector<std::string> organisation_row(const Session& session, const json& organisation) {
  const json& quota = organisation.contains("quota_bytes") ? organisation["quota_bytes"] : json();
  return {session.console().name(text_field(organisation, "name")),
          "\t" + size_text(number_field(organisation, "used_bytes")),
          quota.is_number() ? "\t" + size_text(number_field(organisation, "quota_bytes")) : "\t-",
          "",
          "",
          organisation_remarks(session, organisation)};
}

std::vector<std::string> station_row(const json& tenant) {
  const std::string commit = text_field(tenant, "last_commit");
  return {"  " + text_field(tenant, "space").substr(0, 12),
          "\t" + size_text(number_field(tenant, "used_bytes")),
          "",
          time_text(text_field(tenant, "last_contact")),
          commit.empty() ? "-" : time_text(commit),
          station_remarks(tenant)};
}

void add_line(std::string& page, const char* label, const std::string& value) {
  if (!value.empty()) page += "  " + fill(label, value) + "\n";
}

void add_space(std::string& page, const json& space) {
  page += "\n  " +
          fill(_("Space {}, enrolled {}"), text_field(space, "space"), time_text(text_field(space, "enrolled"))) + "\n";
  page += "    " +
          fill(_("{} objects of {}, {} snapshots, newest receipt number {}"),
               count_text(number_field(space, "objects")), size_text(number_field(space, "sealed_bytes")),
               count_text(number_field(space, "commits")), count_text(number_field(space, "receipt_counter"))) +
          "\n";
  for (const json& device : sub_field(space, "devices"))
    if (device.is_string()) page += "    " + fill(_("Device {}"), device.get<std::string>()) + "\n";
}

}  // namespace

std::string tenants_text(const Session& session, const json& answer) {
  std::vector<std::vector<std::string>> rows = {{_("name"), std::string("\t") + _("used"),
                                                 std::string("\t") + _("quota"), _("last contact"), _("last backup"),
                                                 ""}};
  for (const json& organisation : sub_field(answer, "organisations")) {
    rows.push_back(organisation_row(session, organisation));
    for (const json& tenant : sub_field(answer, "tenants"))
      if (text_field(tenant, "organisation") == text_field(organisation, "organisation"))
        rows.push_back(station_row(tenant));
  }
  if (rows.size() == 1) return _("No commune is enrolled yet. 'beffroi peer invite --name NAME' makes an invitation.");
  std::string out = table_text(rows);
  out.pop_back();
  return out;
}

std::string erasure_text(const Session& session, const json& erasure) {
  const auto shown = [&](const char* field) { return session.console().name(text_field(erasure, field)); };
  std::string page = std::string(_("RECORD OF ERASURE")) + "\n\n";
  add_line(page, _("Organisation: {}"), shown("name"));
  add_line(page, _("Contact: {}"), shown("contact"));
  add_line(page, _("Identifier at this peer: {}"), shown("organisation"));
  add_line(page, _("Hosted since: {}"), time_text(text_field(erasure, "created")));
  add_line(page, _("Suspended since: {}"), time_text(text_field(erasure, "suspended")));
  add_line(page, _("Reason: {}"), shown("suspended_reason"));
  add_line(page, _("Erased: {}"), time_text(text_field(erasure, "erased")));
  add_line(page, _("By: {}"), shown("by"));
  page += "\n" +
          fill(_("Erased from this peer: {} sealed objects of {} in all, {} snapshots, with their logs, receipts, "
                 "leases and invitations:"),
               count_text(number_field(erasure, "objects")), size_text(number_field(erasure, "sealed_bytes")),
               count_text(number_field(erasure, "commits"))) +
          "\n";
  for (const json& space : sub_field(erasure, "spaces")) add_space(page, space);
  page += std::string("\n") +
          _("The peer never had the keys: what it erased was sealed, without names. This record stays at the peer. It "
            "says nothing of copies that others have: the stations' own, and backups of this server.") +
          "\n\n" + _("Date, name, signature:") + "\n";
  return page;
}

}  // namespace beffroi::client
