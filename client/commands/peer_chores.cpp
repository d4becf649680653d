// beffroi peer gc, scrub, deletions, undelete
#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/peer_commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kIdDigitsShown = 12;

void say_held(const Session& session, const json& result) {
  if (!flag_field(result, "expiry_held")) return;
  session.remark(
      _("No snapshot is let go: this machine's clock has jumped, and is not trusted. Look at 'beffroi peer clock'."));
}

Result<int> forecast(Session& session) {
  BEFFROI_TRY(const json would, session.peer().send("POST", "/v1/gc", {{"dry_run", true}}));
  const auto snapshots = number_field(would, "snapshots");
  session.say(fill(ngettext("{} snapshot would be let go now. Nothing was changed.",
                            "{} snapshots would be let go now. Nothing was changed.", snapshots),
                   count_text(snapshots)));
  for (const json& space : sub_field(would, "spaces"))
    session.say(fill(_("  {}: {} of {}"), text_field(space, "space").substr(0, kIdDigitsShown),
                     count_text(number_field(space, "would_go")), count_text(number_field(space, "held"))));
  say_held(session, would);
  session.answer(would);
  return kExitDone;
}

Result<int> collect(Session& session) {
  ProgressLine progress(session);
  auto done = session.peer().post_events("/v1/gc", json::object(), progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  session.say(fill(_("Snapshots let go: {}. Objects removed: {}, {}. The store takes {} now."),
                   count_text(number_field(result, "snapshots")), count_text(number_field(result, "objects")),
                   size_text(number_field(result, "bytes")), size_text(number_field(result, "store_bytes"))));
  say_held(session, result);
  const auto failed = number_field(result, "spaces_failed");
  if (failed > 0)
    session.remark(fill(ngettext("{} space could not be looked at: the peer's log says why.",
                                 "{} spaces could not be looked at: the peer's log says why.", failed),
                        count_text(failed)));
  const auto unfinished = number_field(result, "spaces_unfinished");
  if (unfinished > 0)
    session.remark(fill(ngettext("{} space is too large to be cleared up in one turn: it gets more time the next time.",
                                 "{} spaces are too large to be cleared up in one turn: they get more time the next "
                                 "time.",
                                 unfinished),
                        count_text(unfinished)));
  session.answer(result);
  return failed > 0 ? kExitFailed : kExitDone;
}

Result<int> scrub(Session& session) {
  ProgressLine progress(session);
  auto done = session.peer().post_events("/v1/scrub", json::object(), progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  const auto damaged = number_field(result, "damaged");
  session.say(fill(_("Read and compared: {} objects, {}."), count_text(number_field(result, "objects")),
                   size_text(number_field(result, "bytes"))));
  if (damaged > 0)
    session.remark(
        fill(ngettext("{} damaged object was found. Its station sends it again at its next contact.",
                      "{} damaged objects were found. Their stations send them again at their next contact.", damaged),
             count_text(damaged)));
  session.answer(result);
  return damaged > 0 ? kExitIntegrity : kExitDone;
}

Result<int> deletions(Session& session) {
  BEFFROI_TRY(const json answer, session.peer().get("/v1/deletions"));
  const json& list = sub_field(answer, "deletions");
  if (list.empty()) session.say(_("No deletion was asked for."));
  for (const json& deletion : list) {
    const auto count = sub_field(deletion, "snapshots").size();
    const std::string id = text_field(deletion, "id").substr(0, kIdDigitsShown);
    const std::string what = fill(ngettext("{} snapshot of {}", "{} snapshots of {}", count), count_text(count),
                                  text_field(deletion, "space").substr(0, kIdDigitsShown));
    session.say(flag_field(deletion, "cancelled")
                    ? fill(_("{}: {}, cancelled"), id, what)
                    : fill(_("{}: {}, asked for on {}, not before {}"), id, what,
                           time_text(text_field(deletion, "received")), time_text(text_field(deletion, "due"))));
  }
  session.answer(answer);
  return kExitDone;
}

Result<int> undelete(Session& session, const std::string& id) {
  BEFFROI_TRY(const json answer, session.peer().send("POST", "/v1/deletions/cancel", {{"id", id}}));
  session.say(
      fill(_("The deletion {} is cancelled: its snapshots stay."), text_field(answer, "id").substr(0, kIdDigitsShown)));
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_peer_chores(Command& group, Session& session) {
  auto* const gc = group.add_subcommand("gc", _("Let go what no rule keeps, and give its room back"));
  gc->group(_("Commands"));
  const auto dry_run = std::make_shared<bool>(false);
  gc->add_flag("--dry-run", *dry_run, _("Only say how many snapshots would be let go"));
  gc->callback([dry_run, &session] {
    session.action = [dry_run, &session] { return *dry_run ? forecast(session) : collect(session); };
  });
  auto* const check = group.add_subcommand("scrub", _("Read everything that is stored, and compare it"));
  check->group(_("Commands"));
  check->callback([&session] { session.action = [&session] { return scrub(session); }; });
  auto* const listing = group.add_subcommand("deletions", _("List the deletions that communes asked for"));
  listing->group(_("Commands"));
  listing->callback([&session] { session.action = [&session] { return deletions(session); }; });
  auto* const cancel = group.add_subcommand("undelete", _("Cancel a deletion: its snapshots stay"));
  cancel->group(_("Commands"));
  const auto id = std::make_shared<std::string>();
  cancel->add_option("ID", *id, _("As 'beffroi peer deletions' shows it"))->option_text(" ")->required();
  cancel->callback([id, &session] { session.action = [id, &session] { return undelete(session, *id); }; });
}

}  // namespace beffroi::client
