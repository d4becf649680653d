#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/problems.h"
#include "client/commands/space_history.h"
#include "client/http/json_fields.h"
#include "client/restore/landing.h"
#include "client/restore/version_writer.h"
#include "client/selection.h"
#include "client/ui/human.h"
#include "storage/merge/path_parts.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct RestoreWords {
  std::string space, path, version, target, overwrite = "never";
  bool beside = false;
};

Overwrite overwrite_of(const std::string& word) {
  if (word == "always") return Overwrite::always;
  return word == "older" ? Overwrite::older : Overwrite::never;
}

/// "budget (2026-11-23 14.05).xlsx".
std::string name_beside(const std::string& name, const std::string& time) {
  const std::filesystem::path path(name);
  std::string moment = time_text(time);
  for (char& c : moment)
    if (c == ':' || c == '/') c = c == ':' ? '.' : '-';
  return path.stem().string() + " (" + moment + ")" + path.extension().string();
}

Result<Landing> landing_of(const json& version, const RestoreWords& words) {
  const std::filesystem::path path(path_field(version));
  Landing out{.path = storage::to_entry_path(path.native()),
              .name = path.filename().native(),
              .in_space = words.target.empty()};
  if (out.path.empty())
    return fail(ErrorCode::usage, N_("Say which file or folder: a whole space is set back by 'beffroi space rewind'."));
  if (words.beside) out.name = name_beside(out.name, text_field(version, "time"));
  return out;
}

/// The folder into which it goes, for people.
std::string target_of(const json& version, const RestoreWords& words) {
  if (!words.target.empty()) return words.target;
  const std::filesystem::path path(path_field(version));
  return (std::filesystem::path(text_field(version, "folder")) / path.parent_path()).native();
}

Result<Descriptor> open_landing(const json& version, const RestoreWords& words, const Landing& landing) {
  if (!landing.in_space) return open_target(words.target);
  return open_in_shared_folder(text_field(version, "folder"), storage::folder_of(landing.path));
}

json report_json(const RestoreReport& report, const std::string& target, const std::string& name, const json& version) {
  json problems = json::array();
  for (const RestoreProblem& problem : report.problems) {
    json item = error_json(problem.error);
    set_path(item, problem.path);
    problems.push_back(std::move(item));
  }
  return {{"snapshot", text_field(version, "snapshot")},
          {"target", target},
          {"name", name},
          {"files", report.files},
          {"bytes", report.bytes},
          {"left", report.left},
          {"damaged", report.damaged},
          {"errors", std::move(problems)},
          {"errors_total", report.problems_total}};
}

void say_report(const Session& session, const RestoreReport& report, const std::string& written, const json& answer) {
  const std::string where = session.console().name(written);
  if (report.left > 0)
    session.say(fill(ngettext("{} file is there already and was left as it is: '--beside' puts the other one beside "
                              "it, '--overwrite always' in its place.",
                              "{} files are there already and were left as they are: '--beside' puts the others beside "
                              "them, '--overwrite always' in their place.",
                              report.left),
                     count_text(report.left)));
  if (report.files > 0 || report.left == 0)
    session.say(fill(ngettext("{} file restored: {} ({}).", "{} files restored: {} ({}).", report.files),
                     count_text(report.files), where, size_text(report.bytes)));
  if (report.problems_total > 0) list_problems(session, sub_field(answer, "errors"), report.problems_total);
}

Result<int> restore(Session& session, const RestoreWords& words) {
  if (words.beside && words.overwrite != "never")
    return fail(ErrorCode::usage, N_("Say --beside or --overwrite, not both."));
  json wish = {{"space", words.space}, {"snapshot", words.version}};
  set_path(wish, words.path);
  BEFFROI_TRY(const json version, session.station().send("POST", "/v1/spaces/version", wish));
  BEFFROI_TRY(const Landing landing, landing_of(version, words));
  json body = {{"space", words.space}, {"snapshot", text_field(version, "snapshot")}};
  set_path(body, path_field(version));
  BEFFROI_TRY(Descriptor folder, open_landing(version, words, landing));
  BEFFROI_TRY(const auto writer, VersionWriter::open(std::move(folder), landing, overwrite_of(words.overwrite)));
  FrameReader reader(*writer);
  BEFFROI_CHECK(
      session.station().post_octets("/v1/spaces/restore", body, [&](ByteView bytes) { return reader.feed(bytes); }));
  BEFFROI_CHECK(reader.finish());
  BEFFROI_CHECK(writer->finish());
  const RestoreReport report = writer->report();
  const std::string target = target_of(version, words);
  const json answer = report_json(report, target, landing.name, version);
  say_report(session, report, (std::filesystem::path(target) / landing.name).native(), answer);
  session.answer(answer);
  if (report.damaged > 0) return kExitIntegrity;
  return report.problems_total > 0 ? kExitSomeUnread : kExitDone;
}

}  // namespace

void add_space_restore(Command& group, Session& session) {
  auto* const command =
      group.add_subcommand("restore", _("Bring back a deleted file of a space, or an earlier version of one"));
  const auto words = std::make_shared<RestoreWords>();
  command->add_option("SPACE", words->space, _("Its name, or the beginning of its id"))->option_text(" ")->required();
  command->add_option("PATH", words->path, _("From the folder's top on, or where it lies here"))
      ->option_text(" ")
      ->required();
  command
      ->add_option("--version", words->version,
                   _("Which, as 'versions' and 'trash' show it (default: the newest there is)"))
      ->option_text(_("ID"));
  command->add_option("--target", words->target, _("Another folder than the one where it was"))->option_text(_("DIR"));
  command->add_flag("--beside", words->beside, _("Under a name with the version's date, beside what is there"));
  command
      ->add_option("--overwrite", words->overwrite,
                   _("What to do with files that are there: never, older or always replace them (default: never)"))
      ->option_text("never|older|always")
      ->one_of({"never", "older", "always"});
  command->footer(
      _("Examples:\n"
        "  beffroi space restore voirie plans/pont.odt\n"
        "  beffroi space restore voirie plans/pont.odt --version 3f2a91c0 --beside"));
  command->callback([words, &session] { session.action = [words, &session] { return restore(session, *words); }; });
}

}  // namespace beffroi::client
