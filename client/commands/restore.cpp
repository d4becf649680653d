#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "client/clock.h"
#include "client/commands/commands.h"
#include "client/commands/problems.h"
#include "client/http/json_fields.h"
#include "client/restore/restore_writer.h"
#include "client/selection.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kLeftShown = 20;
constexpr std::size_t kMaxDryPaths = 10'000;

struct RestoreWords {
  std::vector<std::string> selections;
  std::string target, from = "auto", overwrite = "never";
  bool numeric_owner = false, dry_run = false;
};

Overwrite overwrite_of(const std::string& word) {
  if (word == "always") return Overwrite::always;
  return word == "older" ? Overwrite::older : Overwrite::never;
}

bool is_everything(const Selection& selection) { return !selection.path || *selection.path == "/"; }

json restore_body(const Selection& selection, const std::string& from) {
  json body = {{"snapshot", selection.snapshot}, {"selections", json::array()}, {"from", from}};
  if (is_everything(selection)) return body;
  json path;
  set_path(path, *selection.path);
  body["selections"].push_back(std::move(path));
  return body;
}

/// Bytes of the whole snapshot's files; 0 when they are not known: then there is no bar.
std::uint64_t bytes_of_snapshot(Session& session, const std::string& snapshot) {
  const auto answer = session.station().get("/v1/snapshots");
  if (!answer) return 0;
  const json& list = sub_field(*answer, "snapshots");
  for (auto at = list.rbegin(); at != list.rend(); ++at)
    if (snapshot == "latest" ? !flag_field(*at, "partial") : text_field(*at, "id").starts_with(snapshot))
      return number_field(*at, "bytes");
  return 0;
}

void add_up(RestoreReport& sum, const RestoreReport& one) {
  sum.entries += one.entries;
  sum.files += one.files;
  sum.folders += one.folders;
  sum.others += one.others;
  sum.bytes += one.bytes;
  sum.owners_kept += one.owners_kept;
  sum.set_id_dropped += one.set_id_dropped;
  sum.attributes_lost += one.attributes_lost;
  sum.damaged += one.damaged;
  for (const std::string& path : one.left_paths) sum.add_left(path);
  sum.left += one.left - one.left_paths.size();
  for (const RestoreProblem& problem : one.problems) sum.add_problem(problem.path, problem.error);
  sum.problems_total += one.problems_total - one.problems.size();
}

/// Opens the target at the first entry: a snapshot that does not exist leaves no empty folder behind.
class IntoTarget final : public FrameHandler {
 public:
  IntoTarget(std::string target, WriteOptions options) : target_(std::move(target)), options_(std::move(options)) {}

  Result<void> entry(storage::Entry entry) override {
    if (!writer_) {
      BEFFROI_TRY(writer_, RestoreWriter::open(target_, options_));
    }
    return writer_->entry(std::move(entry));
  }
  Result<void> data(std::uint64_t offset, ByteView bytes) override { return writer_->data(offset, bytes); }
  Result<void> failure(const std::string& path, const Error& reason) override {
    if (writer_) return writer_->failure(path, reason);
    ++early_.damaged;
    early_.add_problem(storage::to_display_path(path), reason);
    return {};
  }
  Result<void> finish() { return writer_ ? writer_->finish() : Result<void>(); }
  const RestoreReport& report() const { return writer_ ? writer_->report() : early_; }

 private:
  std::string target_;
  WriteOptions options_;
  std::unique_ptr<RestoreWriter> writer_;
  RestoreReport early_;
};

Result<void> restore_one(Session& session, const Selection& selection, const RestoreWords& words, RestoreReport& sum) {
  WriteOptions options{overwrite_of(words.overwrite), words.numeric_owner, geteuid() == 0, {}};
  if (!is_everything(selection)) options.selected = storage::to_entry_path(*selection.path);
  IntoTarget target(words.target, std::move(options));
  FrameReader reader(target);
  const std::uint64_t bytes_total = is_everything(selection) && session.console().err_is_terminal
                                        ? bytes_of_snapshot(session, selection.snapshot)
                                        : 0;
  ProgressLine progress(session);
  BEFFROI_CHECK(session.station().post_octets("/v1/restore", restore_body(selection, words.from), [&](ByteView bytes) {
    auto taken = reader.feed(bytes);
    progress.show(restore_text({target.report().files, target.report().bytes, bytes_total}));
    return taken;
  }));
  BEFFROI_CHECK(reader.finish());
  BEFFROI_CHECK(target.finish());
  add_up(sum, target.report());
  return {};
}

json problems_json(const RestoreReport& report) {
  json out = json::array();
  for (const RestoreProblem& problem : report.problems) {
    json item = error_json(problem.error);
    set_path(item, problem.path);
    out.push_back(std::move(item));
  }
  return out;
}

json report_json(const RestoreReport& report, const std::string& target, std::int64_t duration_ms) {
  json left = json::array();
  for (const std::string& path : report.left_paths) {
    json item;
    set_path(item, path);
    left.push_back(std::move(item));
  }
  return {{"target", target},
          {"entries", report.entries},
          {"files", report.files},
          {"directories", report.folders},
          {"others", report.others},
          {"bytes", report.bytes},
          {"left", report.left},
          {"left_paths", std::move(left)},
          {"owners_kept", report.owners_kept},
          {"set_id_dropped", report.set_id_dropped},
          {"attributes_lost", report.attributes_lost},
          {"damaged", report.damaged},
          {"errors", problems_json(report)},
          {"errors_total", report.problems_total},
          {"duration_s", static_cast<double>(duration_ms) / 1000},
          {"dry_run", false}};
}

void say_left(const Session& session, const RestoreReport& report) {
  if (report.left == 0) return;
  session.say(fill(
      ngettext("{} file was in the target already and was left as it is ('--overwrite always' replaces it):",
               "{} files were in the target already and were left as they are ('--overwrite always' replaces them):",
               report.left),
      count_text(report.left)));
  for (std::size_t i = 0; i < report.left_paths.size() && i < kLeftShown; ++i)
    session.say("  " + session.console().name(report.left_paths[i]));
  if (report.left > kLeftShown) session.say("  …");
}

void say_report(const Session& session, const RestoreReport& report, const std::string& target) {
  session.say(fill(ngettext("{} file restored into {} ({}).", "{} files restored into {} ({}).", report.files),
                   count_text(report.files), session.console().name(target), size_text(report.bytes)));
  say_left(session, report);
  if (report.owners_kept > 0 || report.set_id_dropped > 0)
    session.say(
        _("What is restored belongs to you, without special rights: only root can give it back to its former owners."));
  if (report.attributes_lost > 0)
    session.say(
        fill(ngettext("{} file lost attributes or access lists that can't be kept here.",
                      "{} files lost attributes or access lists that can't be kept here.", report.attributes_lost),
             count_text(report.attributes_lost)));
  if (report.problems_total > 0) {
    session.remark(fill(ngettext("{} file or folder could not be restored:",
                                 "{} files or folders could not be restored:", report.problems_total),
                        count_text(report.problems_total)));
    list_problems(session, problems_json(report), report.problems_total);
  }
}

/// What a dry run counts; nothing is fetched for it but the list of names.
struct DryRun {
  std::uint64_t entries = 0, files = 0, bytes = 0;
  json paths = json::array();
};

Result<void> list_one(Session& session, const Selection& selection, DryRun& sum) {
  const std::string target = "/v1/ls?snapshot=" + query_value(selection.snapshot) + "&" +
                             path_query(selection.path.value_or("/")) + "&recursive=1";
  const auto done = session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") != "entry") return {};
    const std::string path = path_field(event);
    session.say(session.console().name(path));
    if (text_field(event, "type") == "file") {
      ++sum.files;
      sum.bytes += number_field(event, "size");
    }
    if (++sum.entries <= kMaxDryPaths) {
      json item;
      set_path(item, path);
      sum.paths.push_back(std::move(item));
    }
    return {};
  });
  if (!done) return forward_error(done);
  return {};
}

Result<int> dry_run(Session& session, const std::vector<Selection>& selections, const RestoreWords& words) {
  DryRun sum;
  for (const Selection& selection : selections) BEFFROI_CHECK(list_one(session, selection, sum));
  session.say(
      fill(ngettext("{} file ({}) would be restored into {}.", "{} files ({}) would be restored into {}.", sum.files),
           count_text(sum.files), size_text(sum.bytes), session.console().name(words.target)));
  session.answer({{"dry_run", true},
                  {"target", words.target},
                  {"entries", sum.entries},
                  {"files", sum.files},
                  {"bytes", sum.bytes},
                  {"paths", std::move(sum.paths)}});
  return kExitDone;
}

Result<std::vector<Selection>> read_selections(const std::vector<std::string>& words) {
  std::vector<Selection> out;
  for (const std::string& word : words) {
    BEFFROI_TRY(Selection selection, parse_selection(word));
    for (const Selection& before : out) {
      const bool same_name =
          !is_everything(selection) && !is_everything(before) &&
          selection.path->substr(selection.path->rfind('/')) == before.path->substr(before.path->rfind('/'));
      if (same_name || (is_everything(selection) && is_everything(before)))
        return fail(ErrorCode::usage,
                    N_("\"{}\" would land on top of what was selected before it: restore it into another folder."),
                    word);
    }
    out.push_back(std::move(selection));
  }
  return out;
}

Result<int> restore(Session& session, const RestoreWords& words) {
  BEFFROI_TRY(const std::vector<Selection> selections, read_selections(words.selections));
  if (words.dry_run) return dry_run(session, selections, words);
  const std::int64_t started_ms = monotonic_ms();
  RestoreReport sum;
  for (const Selection& selection : selections) BEFFROI_CHECK(restore_one(session, selection, words, sum));
  say_report(session, sum, words.target);
  session.answer(report_json(sum, words.target, monotonic_ms() - started_ms));
  if (sum.damaged > 0) return kExitIntegrity;
  return sum.problems_total > 0 ? kExitSomeUnread : kExitDone;
}

}  // namespace

void add_restore(Command& app, Session& session) {
  auto* const command =
      app.add_subcommand("restore", _("Bring files back from a snapshot, into a folder of your choice"));
  command->group(_("Commands"));
  const auto words = std::make_shared<RestoreWords>();
  command
      ->add_option("SNAP[:PATH]", words->selections,
                   _("latest or an id's beginning; with :PATH that file or folder alone"))
      ->option_text(" ")
      ->required();
  command->add_option("--target", words->target, _("The folder to restore into; it is made if it is missing"))
      ->option_text(_("DIR (required)"))
      ->required();
  command->add_option("--from", words->from, _("Where to take it: auto, local or peer (default: auto)"))
      ->option_text("auto|local|peer")
      ->one_of({"auto", "local", "peer"});
  command
      ->add_option("--overwrite", words->overwrite,
                   _("What to do with files that are there: never, older or always replace them (default: never)"))
      ->option_text("never|older|always")
      ->one_of({"never", "older", "always"});
  command->add_flag("--numeric-owner", words->numeric_owner, _("Give files back by user number, not by user name"));
  command->add_flag("--dry-run", words->dry_run, _("Only list what would be restored"));
  command->footer(
      _("SNAP alone keeps full paths below DIR; SNAP:PATH puts PATH's last name there.\n"
        "Examples:\n"
        "  beffroi restore latest:/srv/documents/council --target ~/found\n"
        "  beffroi restore latest --target /srv/recovered"));
  command->callback([words, &session] { session.action = [words, &session] { return restore(session, *words); }; });
}

}  // namespace beffroi::client
