#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/selection.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct SourceWords {
  std::string path, before, after, max_file_size;
  std::vector<std::string> excludes, exclude_files;
  bool one_file_system = false, include_caches = false, separate = false;
};

Result<json> source_body(const SourceWords& words) {
  json body;
  BEFFROI_TRY(const std::string path, absolute_path(words.path));
  set_path(body, path);
  body["excludes"] = words.excludes;
  body["exclude_files"] = words.exclude_files;
  body["one_file_system"] = words.one_file_system;
  body["skip_caches"] = !words.include_caches;
  body["separate"] = words.separate;
  body["before"] = words.before;
  body["after"] = words.after;
  if (!words.max_file_size.empty()) {
    BEFFROI_TRY(const std::uint64_t bytes, parse_size(words.max_file_size));
    body["max_file_bytes"] = bytes;
  }
  return body;
}

Result<int> add(Session& session, const SourceWords& words) {
  BEFFROI_TRY(const json body, source_body(words));
  BEFFROI_TRY(const json source, session.station().send("POST", "/v1/sources", body));
  session.say(fill(_("{} is backed up from now on. 'beffroi backup' does it at once."),
                   session.console().name(path_field(source))));
  session.answer(source);
  return kExitDone;
}

Result<int> remove(Session& session, const SourceWords& words) {
  json body;
  BEFFROI_TRY(const std::string path, absolute_path(words.path));
  set_path(body, path);
  BEFFROI_CHECK(session.station().send("DELETE", "/v1/sources", body));
  session.say(fill(_("{} is no longer backed up. What was backed up before stays."), session.console().name(path)));
  session.answer(body);
  return kExitDone;
}

void say_texts(const Session& session, const json& source, const char* field, const char* label) {
  for (const json& text : sub_field(source, field))
    if (text.is_string()) session.say("    " + fill(label, session.console().name(text.get<std::string>())));
}

void say_source(const Session& session, const json& source) {
  session.say(session.console().name(path_field(source)));
  say_texts(session, source, "excludes", _("left out: {}"));
  say_texts(session, source, "exclude_files", _("each folder's own list of what is left out: {}"));
  if (const auto bytes = number_field(source, "max_file_bytes"); bytes > 0)
    session.say("    " + fill(_("files over {} are left out"), size_text(bytes)));
  if (flag_field(source, "one_file_system")) session.say(std::string("    ") + _("other file systems are left out"));
  if (flag_field(source, "separate")) session.say(std::string("    ") + _("compressed file by file"));
  for (const auto& [field, label] : {std::pair{"before", _("before: {}")}, std::pair{"after", _("after: {}")}})
    if (const std::string line = text_field(source, field); !line.empty())
      session.say("    " + fill(label, session.console().name(line)));
}

Result<int> list(Session& session) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/sources"));
  const json& sources = sub_field(answer, "sources");
  for (const json& source : sources) say_source(session, source);
  if (sources.empty()) session.say(_("Nothing is backed up yet. 'beffroi source add FOLDER' changes that."));
  session.answer(answer);
  return kExitDone;
}

void add_source_add(Command& group, Session& session) {
  auto* const command = group.add_subcommand("add", _("Back a folder up from now on"));
  command->group(_("Commands"));
  const auto words = std::make_shared<SourceWords>();
  command->add_option("PATH", words->path, _("The folder (or file)"))->option_text(" ")->required();
  command->add_option("--exclude", words->excludes, _("Leave out what matches; ! takes back; may be repeated"))
      ->option_text(_("GLOB"))
      ->allow_extra_args(false);
  command
      ->add_option("--exclude-file", words->exclude_files,
                   _("Name of files, in any folder, that list globs to leave out"))
      ->option_text(_("NAME"))
      ->allow_extra_args(false);
  command->add_option("--max-file-size", words->max_file_size, _("Leave out bigger files, for example 2GiB"))
      ->option_text(_("SIZE"));
  command->add_flag("--one-file-system", words->one_file_system, _("Leave out what is mounted below"));
  command->add_flag("--include-caches", words->include_caches,
                    _("Keep folders that are marked as caches (CACHEDIR.TAG)"));
  command->add_flag("--separate", words->separate,
                    _("Compress each file on its own, when strangers can put files there"));
  command->add_option("--before", words->before, _("Shell command to run before each backup, such as a database dump"))
      ->option_text(_("COMMAND"));
  command->add_option("--after", words->after, _("Shell command to run after it"))->option_text(_("COMMAND"));
  command->footer(
      _("Examples:\n"
        "  beffroi source add /srv/documents --exclude '*.tmp' --exclude 'cache/'\n"
        "  beffroi source add /var/backups/db --before 'pg_dumpall > /var/backups/db/all.sql'"));
  command->callback([words, &session] { session.action = [words, &session] { return add(session, *words); }; });
}

}  // namespace

void add_source(Command& app, Session& session) {
  auto* const group = app.add_subcommand("source", _("What is backed up: add, list, remove"));
  group->group(_("Commands"));
  group->require_subcommand(1);
  add_source_add(*group, session);
  auto* const listing = group->add_subcommand("list", _("Show what is backed up"));
  listing->group(_("Commands"));
  listing->callback([&session] { session.action = [&session] { return list(session); }; });
  auto* const removal = group->add_subcommand("remove", _("Stop backing a folder up; older snapshots keep it"));
  removal->group(_("Commands"));
  const auto words = std::make_shared<SourceWords>();
  removal->add_option("PATH", words->path, _("The folder (or file)"))->option_text(" ")->required();
  removal->callback([words, &session] { session.action = [words, &session] { return remove(session, *words); }; });
}

}  // namespace beffroi::client
