#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kIdDigitsShown = 12;

void say_forgotten(const Session& session, const json& result, bool dry_run) {
  const json& forgotten = sub_field(result, "forgotten");
  for (const json& id : forgotten)
    if (id.is_string())
      session.say(fill(dry_run ? _("{} would go: no rule keeps it.") : _("{} is forgotten: no rule kept it."),
                       id.get<std::string>().substr(0, kIdDigitsShown)));
}

Result<int> forget(Session& session, bool dry_run) {
  ProgressLine progress(session);
  auto done = session.station().post_events("/v1/forget", {{"dry_run", dry_run}}, progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  say_forgotten(session, result, dry_run);
  const std::string objects = count_text(number_field(result, "objects"));
  const std::string bytes = size_text(number_field(result, "bytes"));
  if (dry_run)
    session.say(fill(_("Objects that no snapshot would need any more: {}; room they take: {}. Nothing was changed."),
                     objects, bytes));
  else if (number_field(result, "objects") == 0)
    session.say(_("Everything that is stored here is still needed."));
  else
    session.say(
        fill(_("Objects that no snapshot needs any more were removed: {}; room given back: {}."), objects, bytes));
  session.answer(result);
  return kExitDone;
}

}  // namespace

void add_forget(Command& app, Session& session) {
  auto* const command = app.add_subcommand(
      "forget", _("Give the room of snapshots back that went; without a peer, first let go what no rule keeps"));
  command->group(_("Commands"));
  const auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, _("Only say what would go"));
  command->callback(
      [dry_run, &session] { session.action = [dry_run, &session] { return forget(session, *dry_run); }; });
}

}  // namespace beffroi::client
