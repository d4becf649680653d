#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "client/audit/audit_check.h"
#include "client/audit/audit_source.h"
#include "client/audit/exported_entry.h"
#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using storage::AuditHead;

constexpr std::uint64_t kShown = 50;  // entries of a table, unless --from asks for more

struct AuditWords {
  std::uint64_t from = 0;  ///< 0: not said
  std::string noted, file;
  bool csv = false, verify = false;
};

json head_json(const AuditHead& head) { return {{"counter", head.counter}, {"hash", head.hash.hex()}}; }

Result<int> export_csv(Session& session, std::uint64_t from, const AuditHead& head) {
  std::ostream& out = session.console().out;
  out << csv_header();
  BEFFROI_CHECK(visit_audit_log(session.peer(), from, head, [&](const json& fields) -> Result<void> {
    out << csv_line(fields);
    return {};
  }));
  return kExitDone;
}

// One object as always, but never whole in memory.
Result<int> export_json(Session& session, std::uint64_t from, const AuditHead& head) {
  std::ostream& out = session.console().out;
  out << R"({"entries":[)";
  const char* separator = "\n";
  BEFFROI_CHECK(visit_audit_log(session.peer(), from, head, [&](const json& fields) -> Result<void> {
    out << std::exchange(separator, ",\n") << json_line(fields);
    return {};
  }));
  out << "\n],\"head\":" << json_line(head_json(head)) << "}\n";
  return kExitDone;
}

std::string subject(const Session& session, const json& fields) {
  const std::string organisation = text_field(fields, "organisation");
  const std::string space = text_field(fields, "space");
  return session.console().name(organisation.empty() ? space.substr(0, 12) : organisation);
}

Result<int> show(Session& session, std::uint64_t from, const AuditHead& head) {
  if (head.counter == 0) session.say(_("Nothing has been written into the audit log yet."));
  std::vector<std::vector<std::string>> rows = {
      {std::string("\t") + _("entry"), _("date"), _("who"), _("what"), _("whose"), _("details")}};
  BEFFROI_CHECK(visit_audit_log(session.peer(), from, head, [&](const json& fields) -> Result<void> {
    rows.push_back({"\t" + std::to_string(number_field(fields, "counter")), time_text(text_field(fields, "time")),
                    session.console().name(text_field(fields, "actor")), text_field(fields, "action"),
                    subject(session, fields), session.console().name(text_field(fields, "detail"))});
    return {};
  }));
  if (rows.size() == 1) return kExitDone;
  std::string text = table_text(rows);
  text.pop_back();
  session.say(text);
  return kExitDone;
}

Result<int> show_newest(Session& session, const AuditHead& head) {
  if (head.counter <= kShown) return show(session, 1, head);
  BEFFROI_TRY(const int code, show(session, head.counter - kShown + 1, head));
  session.remark(fill(_("Only the last {} entries: '--from 1' shows all."), count_text(kShown)));
  return code;
}

Result<int> say_verified(const Session& session, const AuditCheck& check) {
  if (check.is_empty()) {
    session.say(_("There is no entry to verify."));
  } else {
    session.say(fill(_("Entries {} to {} are verified: none was changed, left out or put in."),
                     std::to_string(check.first()), std::to_string(check.head().counter)));
    session.say(fill(_("Head: {}"), head_text(check.head())));
    session.say(
        _("Note the head somewhere else than on this machine, and hand it to a later check with --noted: only then can "
          "nobody write the whole log anew."));
  }
  session.answer({{"first", check.first()}, {"head", head_json(check.head())}});
  return kExitDone;
}

Result<int> verify(Session& session, const AuditWords& words) {
  std::optional<AuditHead> noted;
  if (!words.noted.empty()) {
    BEFFROI_TRY(noted, parse_head(words.noted));
  }
  if (!words.file.empty()) {
    AuditCheck check(words.from == 0 ? std::nullopt : std::optional(words.from), noted);
    BEFFROI_TRY(const auto told, visit_audit_file(words.file, [&](const json& fields) { return check.take(fields); }));
    BEFFROI_CHECK(check.finish(told));
    return say_verified(session, check);
  }
  AuditCheck check(std::max<std::uint64_t>(words.from, 1), noted);
  BEFFROI_TRY(const AuditHead head, audit_head(session.peer()));
  BEFFROI_CHECK(
      visit_audit_log(session.peer(), check.first(), head, [&](const json& fields) { return check.take(fields); }));
  BEFFROI_CHECK(check.finish(head));
  return say_verified(session, check);
}

Result<int> audit(Session& session, const AuditWords& words) {
  if (words.verify) return verify(session, words);
  if (!words.file.empty() || !words.noted.empty())
    return fail(ErrorCode::usage, N_("A file or a noted head is for --verify only."));
  if (words.csv && session.json) return fail(ErrorCode::usage, N_("Say --csv or --json, not both."));
  BEFFROI_TRY(const AuditHead head, audit_head(session.peer()));
  const std::uint64_t from = std::max<std::uint64_t>(words.from, 1);
  if (words.csv) return export_csv(session, from, head);
  if (session.json) return export_json(session, from, head);
  return words.from > 0 ? show(session, from, head) : show_newest(session, head);
}

}  // namespace

void add_peer_audit(Command& group, Session& session) {
  auto* const command = group.add_subcommand("audit", _("Who did what and when at this peer; export and verify it"));
  command->group(_("Commands"));
  const auto words = std::make_shared<AuditWords>();
  command->add_option("FILE", words->file, _("With --verify: a file exported earlier, instead of the peer's log"))
      ->option_text(" ");
  command->add_option("--from", words->from, _("The first entry (default: the last 50; 1 for exports)"))
      ->option_text("N");
  command->add_flag("--csv", words->csv, _("All of it as comma-separated values, for a spreadsheet"));
  command->add_flag("--verify", words->verify, _("Check that no entry was changed, left out or put in"));
  command->add_option("--noted", words->noted, _("With --verify: a head noted earlier, which must still be there"))
      ->option_text("N:HASH");
  command->footer(_("Examples:\n  beffroi peer audit --csv > audit.csv\n  beffroi peer audit --verify audit.csv"));
  command->callback([words, &session] { session.action = [words, &session] { return audit(session, *words); }; });
}

}  // namespace beffroi::client
