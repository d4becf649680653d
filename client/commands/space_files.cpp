// space files, fetch, free: what a space has, and which part of it is on this computer.
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/http/ndjson.h"
#include "client/ui/entry_lines.h"
#include "client/ui/human.h"
#include "client/ui/printable.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

std::string mark_of(const json& file) {
  const std::string here = text_field(file, "kept_here");
  if (here == "yes") return _("here");
  return here == "part" ? _("in part") : "-";
}

/// "here        1.5 MiB  2026-11-23 22:30  voirie/devis.pdf".
std::string file_line(const json& file, const Console& console) {
  constexpr std::size_t kMarkColumns = 8, kSizeColumns = 10, kTimeColumns = 16;
  const bool is_folder = text_field(file, "type") == "directory";
  return padded(mark_of(file), kMarkColumns, false) + "  " +
         padded(is_folder ? "-" : size_text(number_field(file, "size")), kSizeColumns, true) + "  " +
         padded(is_folder ? "-" : time_text(text_field(file, "mtime")), kTimeColumns, false) + "  " +
         console.name(path_field(file)) + (is_folder ? "/" : "");
}

Result<int> files(Session& session, const SpaceWords& words) {
  const std::string target = "/v1/spaces/files" + space_query(words) + "&" + path_query(words.folder) +
                             (words.recursive ? "&recursive=1" : "");
  EntryPrinter printer(session, [&](const json& file) { return file_line(file, session.console()); });
  return printer.finish(session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") == "entry") printer.print(event);
    return {};
  }));
}

/// Both commands.
Result<json> change_part(Session& session, const SpaceWords& words, const char* target) {
  if (words.all == !words.paths.empty()) return fail(ErrorCode::usage, N_("Say which files or folders, or --all."));
  json paths = json::array();
  for (const std::string& path : words.paths) {
    json one;
    set_path(one, path);
    paths.push_back(std::move(one));
  }
  const json body = {{"space", words.space}, {"everything", words.all}, {"paths", std::move(paths)}};
  return session.station().post_events(target, body, ignore_event);
}

Result<int> fetch(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, change_part(session, words, "/v1/spaces/fetch"));
  session.say(fill(_("Files and folders fetched: {}. From now on they are kept in step here."),
                   count_text(number_field(answer, "files"))));
  const std::uint64_t left = number_field(answer, "left");
  if (left > 0)
    session.say(
        fill(_("Not written yet: {}. They are tried again; 'beffroi space status' says why."), count_text(left)));
  session.answer(answer);
  return left > 0 ? kExitSomeUnread : kExitDone;
}

Result<int> free_files(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, change_part(session, words, "/v1/spaces/free"));
  session.say(
      fill(_("Files removed from this computer: {}. The space keeps them; 'beffroi space fetch' brings them back."),
           count_text(number_field(answer, "files"))));
  const std::uint64_t left = number_field(answer, "left");
  if (left > 0)
    session.say(fill(_("Files that stay, because a program has them open or the space does not have them as they "
                       "are: {}."),
                     count_text(left)));
  session.answer(answer);
  return left > 0 ? kExitSomeUnread : kExitDone;
}

void take_paths(const SpaceCommand& added, const std::string& all) {
  take_space(added);
  added.command
      ->add_option("PATH...", added.words->paths,
                   _("Files or folders, from the folder's top on, or where they lie here"))
      ->option_text(" ");
  added.command->add_flag("--all", added.words->all, all);
}

}  // namespace

void add_space_files(Command& group, Session& session) {
  const auto listed =
      add_space_command(group, session, "files", _("What a space has, and what of it is on this computer"), files);
  take_space(listed);
  listed.command->add_option("FOLDER", listed.words->folder, _("A folder in it (else its top)"))->option_text(" ");
  listed.command->add_flag("-r,--recursive", listed.words->recursive, _("Everything below, too"));
  const auto fetched = add_space_command(
      group, session, "fetch", _("Bring files or folders of a space to this computer, and keep them in step"), fetch);
  take_paths(fetched, _("The whole space"));
  fetched.command->footer(_("Example:\n  beffroi space fetch 'Trois communes' Voirie/2026"));
  const auto freed = add_space_command(
      group, session, "free", _("Remove files or folders from this computer alone; the space keeps them"), free_files);
  take_paths(freed, _("Everything: only the list stays"));
}

}  // namespace beffroi::client
