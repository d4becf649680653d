// space status, sync, resume, undo: the folder that is kept in step.
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

/// Of lists in `status`; --json has all.
constexpr std::size_t kListShown = 20;

std::string brake_in_words(const json& brake) {
  const std::string reason = text_field(brake, "reason");
  if (reason == "folder_missing") return _("The folder is not there.");
  if (reason == "other_folder") return _("Another folder stands in its place: is the right disk plugged in?");
  if (reason == "emptied") return _("All files of the folder are gone.");
  return fill(_("Many files were changed at once: {} deleted, {} rewritten, of {}."),
              count_text(number_field(brake, "deleted")), count_text(number_field(brake, "rewritten")),
              count_text(number_field(brake, "files_before")));
}

void say_brake(const Session& session, const SpaceWords& words, const json& status) {
  const json& brake = sub_field(status, "brake");
  if (brake.empty()) return;
  const std::string space = session.console().name(words.space);
  session.say("");
  session.say(fill(_("On hold since {}: nothing is passed on to the others. {}"), time_text(text_field(brake, "since")),
                   brake_in_words(brake)));
  const std::string reason = text_field(brake, "reason");
  if (reason == "folder_missing" || reason == "other_folder") {
    session.say(_("  Connect its disk, or put the folder back: it goes on by itself."));
    if (reason == "folder_missing")
      session.say(fill(_("  If the folder is lost for good: beffroi space undo {}"), space));
    return;
  }
  session.say(fill(_("  If that is meant:     beffroi space resume {}"), space));
  session.say(fill(_("  If it is a mistake:   beffroi space undo {}"), space));
}

void say_list(const Session& session, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  session.say("");
  session.say(title);
  for (std::size_t i = 0; i < lines.size() && i < kListShown; ++i) session.say("  " + session.console().name(lines[i]));
  if (lines.size() > kListShown)
    session.say(fill(_("  … and {} more; --json shows all."), count_text(lines.size() - kListShown)));
}

void say_conflicts(const Session& session, const json& status) {
  std::vector<std::string> lines;
  for (const json& conflict : sub_field(status, "conflicts")) lines.push_back(text_field(conflict, "copy"));
  say_list(session,
           _("Two people changed the same file: both versions are there. Look at them, keep what is right, and delete "
             "the copy:"),
           lines);
}

void say_skipped(const Session& session, const json& status) {
  std::vector<std::string> lines;
  for (const json& file : sub_field(status, "skipped"))
    lines.push_back(path_field(file) + ": " + translated(said_in(file)));
  say_list(session, _("Not shared, or not as it is:"), lines);
}

std::string sync_in_words(const json& status) {
  const std::string last = text_field(status, "last_sync");
  if (last.empty()) return _("never yet");
  return time_text(last);
}

std::string kept_in_words(const Session& session, const json& status) {
  const json& kept = sub_field(status, "kept_here");
  std::string here, away;
  for (const json& part : sub_field(kept, "but")) {
    std::string& list = flag_field(part, "here") ? here : away;
    list += (list.empty() ? "" : ", ") + session.console().name(path_field(part));
  }
  if (number_field(kept, "more") > 0) away += "…";
  if (flag_field(kept, "everything")) {
    if (away.empty()) return _("everything");
    return here.empty() ? fill(_("all but {}"), away) : fill(_("all but {} (of that: {})"), away, here);
  }
  if (here.empty()) return _("nothing: only the list");
  return away.empty() ? fill(_("only {}"), here) : fill(_("only {} (of that not: {})"), here, away);
}

Result<int> status(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces/status" + space_query(words)));
  const std::string state = text_field(answer, "state");
  std::vector<std::vector<std::string>> rows = {
      {_("Space"), session.console().name(text_field(answer, "name")) + " " + short_id(text_field(answer, "space"))},
      {_("Folder"), session.console().name(text_field(answer, "folder"))}};
  if (state == "joined") {
    rows.push_back({_("In step"), sync_in_words(answer)});
    rows.push_back({_("Waiting to be sent"), count_text(number_field(answer, "pending_commits"))});
    rows.push_back({_("On this computer"), kept_in_words(session, answer)});
  } else if (state == "waiting") {
    rows.push_back({_("State"), _("waits for a manager's yes")});
    rows.push_back({_("Six words"), text_field(answer, "words")});
  } else if (state == "refused") {
    rows.push_back({_("State"), fill(_("refused: {}"), session.console().name(text_field(answer, "reason")))});
  } else if (state == "removed") {
    rows.push_back({_("State"), _("this computer was taken out: 'beffroi space leave --only-here' clears it away")});
  } else {
    rows.push_back({_("State"), _("the invitation has ended: ask for a new one, then 'beffroi space join' again")});
  }
  session.say(table_text(rows));
  const json& error = sub_field(answer, "last_error");
  if (!error.empty()) session.say(session.console().name(translated(said_in(error))));
  say_brake(session, words, answer);
  say_conflicts(session, answer);
  say_skipped(session, answer);
  session.answer(answer);
  return kExitDone;
}

Result<int> say_cycle(Session& session, const json& answer) {
  session.say(fill(_("Files passed on: {}; files received: {}."), count_text(number_field(answer, "files_sent")),
                   count_text(number_field(answer, "files_received"))));
  if (number_field(answer, "conflicts") > 0)
    session.say(fill(_("Files that two people changed: {}. 'beffroi space status' shows them."),
                     count_text(number_field(answer, "conflicts"))));
  const json& not_sent = sub_field(answer, "not_sent");
  if (!not_sent.empty()) session.say(session.console().name(translated(said_in(not_sent))));
  session.answer(answer);
  return kExitDone;
}

Result<int> sync(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().post_events("/v1/spaces/sync", {{"space", words.space}}, ignore_event));
  return say_cycle(session, answer);
}

Result<int> resume(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().post_events("/v1/spaces/resume", {{"space", words.space}}, ignore_event));
  return say_cycle(session, answer);
}

Result<int> undo(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer,
              session.station().post_events("/v1/spaces/undo", {{"space", words.space}}, ignore_event));
  session.say(fill(_("Files brought back: {}. What is new in the folder stays."),
                   count_text(number_field(answer, "files_restored"))));
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_space_folders(Command& group, Session& session) {
  take_space(add_space_command(group, session, "status", _("How a shared folder stands, and what needs you"), status));
  take_space(add_space_command(group, session, "sync", _("Bring a shared folder in step now"), sync));
  take_space(add_space_command(group, session, "resume", _("Pass on what is on hold: it is meant"), resume));
  take_space(
      add_space_command(group, session, "undo", _("Take back what is on hold: the folder becomes as it was"), undo));
}

}  // namespace beffroi::client
