#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/problems.h"
#include "client/http/json_fields.h"
#include "client/interrupt.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct BackupWords {
  std::vector<std::string> tags;
  bool dry_run = false, rehash = false, accept_empty = false, no_sync = false;
};

void say_files(const Session& session, const json& result) {
  const auto count = [&](const char* name) { return count_text(number_field(result, name)); };
  session.say(fill(_("Files: {} new, {} changed, {} unchanged, {} removed."), count("files_new"),
                   count("files_changed"), count("files_unchanged"), count("files_removed")));
  session.say(fill(_("Read {}, stored {} new, in {}."), size_text(number_field(result, "bytes_read")),
                   size_text(number_field(result, "bytes_added")), duration_text(number_field(result, "duration_s"))));
  if (const auto sockets = number_field(result, "sockets_skipped"); sockets > 0)
    session.say(fill(ngettext("{} socket of a running program was skipped.",
                              "{} sockets of running programs were skipped.", sockets),
                     count_text(sockets)));
}

void say_peer(const Session& session, const json& result) {
  const json& receipt = sub_field(result, "receipt");
  if (!receipt.empty()) {
    session.say(fill(_("The peer confirmed it: receipt {} of {}; {} sent."),
                     std::to_string(number_field(receipt, "counter")), time_text(text_field(receipt, "time")),
                     size_text(number_field(result, "bytes_sent"))));
    return;
  }
  if (const json& error = sub_field(result, "sync_error"); !error.empty())
    session.remark(session.console().name(fill(flag_field(error, "lasting")
                                                   ? _("The snapshot is made, but on this machine only: {}")
                                                   : _("Kept on this machine only, for now: {}"),
                                               translated(said_in(error)))));
}

// The snapshot is made, but that it goes no further does not pass by itself: whoever looks at the exit code only must
// learn it. This counts more than files that could not be read.
std::optional<int> exit_code_of_push(const json& result) {
  const json& error = sub_field(result, "sync_error");
  if (error.empty() || !flag_field(error, "lasting")) return std::nullopt;
  return exit_code(Error{error_code_from_name(text_field(error, "code")), {}, {}});
}

Result<int> backup(Session& session, const BackupWords& words) {
  const json body = {{"tags", words.tags},
                     {"dry_run", words.dry_run},
                     {"rehash", words.rehash},
                     {"accept_empty", words.accept_empty},
                     {"sync", !words.no_sync}};
  ProgressLine progress(session);
  auto done = session.station().post_events("/v1/backup", body, progress.sink());
  progress.clear();
  if (!done && done.error() == interrupted_error())
    return fail(
        ErrorCode::cancelled,
        N_("You no longer watch the backup; Beffroi's service goes on with it. 'beffroi status' shows how far it is."));
  BEFFROI_TRY(const json result, std::move(done));
  const std::string snapshot = text_field(result, "snapshot");
  if (words.dry_run)
    session.say(_("Nothing was stored: this only shows what a backup would do."));
  else
    session.say(fill(_("Backed up: snapshot {}."), snapshot.substr(0, 12)));
  say_files(session, result);
  say_peer(session, result);
  const std::uint64_t problems = number_field(result, "errors_total");
  if (problems > 0) {
    session.remark(fill(ngettext("{} file or folder needs attention:", "{} files or folders need attention:", problems),
                        count_text(problems)));
    list_problems(session, sub_field(result, "errors"), problems);
  }
  session.answer(result);
  return exit_code_of_push(result).value_or(problems > 0 ? kExitSomeUnread : kExitDone);
}

}  // namespace

void add_backup(Command& app, Session& session) {
  auto* const command = app.add_subcommand("backup", _("Back up now, and send it to the peer"));
  command->group(_("Commands"));
  const auto words = std::make_shared<BackupWords>();
  command->add_option("--tag", words->tags, _("A word shown beside this snapshot in the list; may be repeated"))
      ->option_text(_("WORD"))
      ->allow_extra_args(false);
  command->add_flag("--dry-run", words->dry_run, _("Only show what would be done"));
  command->add_flag("--rehash", words->rehash, _("Read every file again, even when it looks unchanged"));
  command->add_flag("--accept-empty", words->accept_empty, _("A source that has become empty is meant to be"));
  command->add_flag("--no-sync", words->no_sync, _("Do not send anything to the peer now"));
  command->callback([words, &session] { session.action = [words, &session] { return backup(session, *words); }; });
}

}  // namespace beffroi::client
