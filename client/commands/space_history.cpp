#include "client/commands/space_history.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "client/audit/csv.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kSnapshotDigits = 12;
constexpr std::uint64_t kChangesShown = 200;

struct HistoryWords {
  std::string space, path, since, until, to;
  std::uint64_t days = 30, most = 50;
  bool csv = false, dry_run = false, yes = false;
};
using HistoryAction = Result<int> (*)(Session&, const HistoryWords&);

std::string act_in_words(const std::string& act) {
  if (act == "added") return _("added");
  if (act == "changed") return _("changed");
  if (act == "renamed") return _("renamed");
  if (act == "deleted") return _("deleted");
  return _("times or rights");
}

std::string size_of(const json& object, const char* field) {
  return object.contains(field) && object[field].is_number_unsigned() ? size_text(number_field(object, field)) : "";
}

std::string maker_of(const Session& session, const json& object) {
  const std::string computer = text_field(object, "computer");
  std::string out = text_field(object, "person");
  if (!computer.empty()) out += ", " + computer;
  return session.console().name(out);
}

std::string short_snapshot(const json& object) { return text_field(object, "snapshot").substr(0, kSnapshotDigits); }

std::string space_in(const HistoryWords& words) { return "space=" + query_value(words.space); }

Result<int> versions(Session& session, const HistoryWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/versions?" + space_in(words) + "&" +
                                                       path_query(words.path) + "&most=" + std::to_string(words.most)));
  std::vector<std::vector<std::string>> rows = {
      {_("version"), _("date"), std::string("\t") + _("size"), _("what"), _("who"), _("name then")}};
  for (const json& one : sub_field(answer, "versions"))
    rows.push_back({short_snapshot(one), time_text(text_field(one, "time")), "\t" + size_of(one, "size"),
                    act_in_words(text_field(one, "act")), maker_of(session, one),
                    session.console().name(path_field(one))});
  session.say(table_text(rows));
  if (flag_field(answer, "more")) session.remark(_("There are older ones: '--most 1000' shows more."));
  session.answer(answer);
  return kExitDone;
}

Result<int> trash(Session& session, const HistoryWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().get("/v1/spaces/trash?" + space_in(words) + "&days=" + std::to_string(words.days)));
  const json& items = sub_field(answer, "items");
  if (items.empty()) {
    session.say(fill(
        ngettext("Nothing was deleted in the last {} day.", "Nothing was deleted in the last {} days.", words.days),
        count_text(words.days)));
  } else {
    std::vector<std::vector<std::string>> rows = {
        {_("deleted"), std::string("\t") + _("size"), _("who"), _("version"), _("name")}};
    for (const json& item : items)
      rows.push_back({time_text(text_field(item, "time")), "\t" + size_of(item, "size"), maker_of(session, item),
                      short_snapshot(item), session.console().name(path_field(item))});
    session.say(table_text(rows));
    session.say(_("'beffroi space restore SPACE NAME' brings one back."));
  }
  session.answer(answer);
  return kExitDone;
}

Result<std::string> changes_query(const HistoryWords& words) {
  std::string out = "/v1/spaces/changes?" + space_in(words);
  if (!words.since.empty()) {
    BEFFROI_TRY(const time_t since, parse_moment(words.since));
    out += "&since=" + std::to_string(since);
  }
  if (!words.until.empty()) {
    BEFFROI_TRY(const time_t until, parse_moment(words.until));
    out += "&until=" + std::to_string(until);
  }
  return out;
}

std::string number_cell(const json& change, const char* field) {
  return change.contains(field) && change[field].is_number_unsigned() ? std::to_string(number_field(change, field))
                                                                      : std::string();
}

std::string csv_line(const json& change) {
  std::string out;
  for (const char* const field : {"time", "person", "computer", "act", "path", "from"})
    out += csv_cell(text_field(change, field)) + ",";
  for (const char* const field : {"size_before", "size_after"}) out += csv_cell(number_cell(change, field)) + ",";
  return out + csv_cell(text_field(change, "snapshot")) + "," + csv_cell(text_field(change, "device")) + "\r\n";
}

Result<int> export_csv(Session& session, const std::string& target) {
  std::ostream& out = session.console().out;
  const char* separator = "";
  for (const char* const name :
       {"time", "person", "computer", "act", "path", "from", "size_before", "size_after", "snapshot", "device"})
    out << std::exchange(separator, ",") << csv_cell(name);
  out << "\r\n";
  BEFFROI_TRY(const json end, session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") == "change") out << csv_line(event);
    return {};
  }));
  out.flush();
  if (out.good()) return kExitDone;
  return fail(ErrorCode::io, N_("The list could not be written to the end: is the disk full?"));
}

// One object as always, but never whole in memory.
Result<int> export_json(Session& session, const std::string& target) {
  std::ostream& out = session.console().out;
  out << R"({"changes":[)";
  const char* separator = "\n";
  BEFFROI_TRY(const json end, session.station().get_events(target, [&](json event) -> Result<void> {
    if (text_field(event, "event") != "change") return {};
    event.erase("event");
    out << std::exchange(separator, ",\n") << json_line(event);
    return {};
  }));
  out << "\n]}\n";
  return kExitDone;
}

std::string name_cell(const Session& session, const json& change) {
  const std::string from = text_field(change, "from");
  const std::string name = session.console().name(path_field(change));
  return from.empty() ? name : fill(_("{} (was {})"), name, session.console().name(from));
}

Result<int> changes(Session& session, const HistoryWords& words) {
  if (words.csv && session.json) return fail(ErrorCode::usage, N_("Say --csv or --json, not both."));
  BEFFROI_TRY(const std::string target, changes_query(words));
  if (words.csv) return export_csv(session, target);
  if (session.json) return export_json(session, target);
  std::vector<std::vector<std::string>> rows = {{_("date"), _("who"), _("what"), _("name")}};
  std::uint64_t count = 0;
  BEFFROI_TRY(const json end, session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") != "change" || ++count > kChangesShown) return {};
    rows.push_back({time_text(text_field(event, "time")), maker_of(session, event),
                    act_in_words(text_field(event, "act")), name_cell(session, event)});
    return {};
  }));
  session.say(count == 0 ? _("Nothing was changed in that time.") : table_text(rows));
  if (count > kChangesShown)
    session.remark(
        fill(_("Only the last {} of {} changes: '--csv' shows all."), count_text(kChangesShown), count_text(count)));
  return kExitDone;
}

void say_rewind(const Session& session, const json& answer, bool done) {
  const std::uint64_t added = number_field(answer, "files_added"), changed = number_field(answer, "files_changed"),
                      deleted = number_field(answer, "files_deleted");
  if (added + changed + deleted == 0) {
    session.say(_("Nothing to do: the space is as it was then."));
    return;
  }
  session.say(fill(done ? _("For all members {} files come back, {} get their earlier content, {} go.")
                        : _("For all members {} files would come back, {} would get their earlier content, {} would "
                            "go."),
                   count_text(added), count_text(changed), count_text(deleted)));
  if (flag_field(answer, "others_open"))
    session.say(_("Somebody had worked without a line to the peer then: what that brought later goes as well."));
  if (done) session.say(_("What was there until now stays among the versions and in the trash."));
}

Result<void> confirm(const Session& session, const HistoryWords& words) {
  const Console& console = session.console();
  if (words.yes) return {};
  if (session.json || !console.in_is_terminal)
    return fail(ErrorCode::usage,
                N_("This changes the folders of all members: say --yes, or --dry-run to look first."));
  BEFFROI_TRY(const std::string answer, console.ask(_("Set the space back? Type yes: "), false));
  if (answer == "yes" || answer == _("yes")) return {};
  return fail(ErrorCode::cancelled, N_("Nothing was changed."));
}

Result<int> rewind(Session& session, const HistoryWords& words) {
  BEFFROI_TRY(const time_t to, parse_moment(words.to));
  json body = {{"space", words.space}, {"to", static_cast<std::uint64_t>(to)}, {"dry_run", true}};
  BEFFROI_TRY(json answer, session.station().send("POST", "/v1/spaces/rewind", body));
  say_rewind(session, answer, false);
  const bool needed = number_field(answer, "files_added") + number_field(answer, "files_changed") +
                          number_field(answer, "files_deleted") >
                      0;
  if (needed && !words.dry_run) {
    BEFFROI_CHECK(confirm(session, words));
    body["dry_run"] = false;
    BEFFROI_TRY(answer, session.station().send("POST", "/v1/spaces/rewind", body));
    say_rewind(session, answer, true);
  }
  session.answer(answer);
  return kExitDone;
}

struct Added {
  Command* command;
  std::shared_ptr<HistoryWords> words;
};

Added add(Command& group, Session& session, const char* name, const std::string& help, HistoryAction action) {
  auto* const command = group.add_subcommand(name, help);
  const auto words = std::make_shared<HistoryWords>();
  command->add_option("SPACE", words->space, _("Its name, or the beginning of its id"))->option_text(" ")->required();
  command->callback(
      [words, action, &session] { session.action = [words, action, &session] { return action(session, *words); }; });
  return {command, words};
}

}  // namespace

void add_space_history(Command& group, Session& session) {
  const Added of_file = add(group, session, "versions", _("Who changed a file of a space when"), versions);
  of_file.command->add_option("PATH", of_file.words->path, _("From the folder's top on, or where it lies here"))
      ->option_text(" ")
      ->required();
  of_file.command->add_option("--most", of_file.words->most, _("How many are listed (default: 50)"))
      ->option_text(_("N"));
  const Added gone = add(group, session, "trash", _("What was deleted in a space lately"), trash);
  gone.command->add_option("--days", gone.words->days, _("How far back to look (default: 30)"))->option_text(_("DAYS"));
  const Added all = add(group, session, "changes", _("Who did what in a space"), changes);
  all.command
      ->add_option("--since", all.words->since, _("Only from then on, such as 2026-11-23 or \"2026-11-23 14:05\""))
      ->option_text(_("DATE"));
  all.command->add_option("--until", all.words->until, _("Only before then"))->option_text(_("DATE"));
  all.command->add_flag("--csv", all.words->csv, _("All of it as comma-separated values, for a spreadsheet"));
  all.command->footer(_("Example:\n  beffroi space changes voirie --since 2026-11-01 --csv > november.csv"));
  const Added back = add(group, session, "rewind", _("Set a whole space back to a moment, for all members"), rewind);
  back.command->add_option("--to", back.words->to, _("The moment, such as 2026-11-23 or \"2026-11-23 14:05\""))
      ->option_text(_("DATE (required)"))
      ->required();
  back.command->add_flag("--dry-run", back.words->dry_run, _("Only say what would become of the files"));
  back.command->add_flag("--yes", back.words->yes, _("Don't ask"));
}

}  // namespace beffroi::client
