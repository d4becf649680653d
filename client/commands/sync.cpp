#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

Result<int> sync(Session& session) {
  ProgressLine progress(session);
  auto done = session.station().post_events("/v1/sync", json::object(), progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  const std::uint64_t commits = number_field(result, "commits");
  if (commits == 0)
    session.say(_("The peer has everything already."));
  else
    session.say(
        fill(ngettext("The peer confirmed {} snapshot; {} sent.", "The peer confirmed {} snapshots; {} sent.", commits),
             count_text(commits), size_text(number_field(result, "bytes_sent"))));
  if (const auto pending = number_field(result, "pending"); pending > 0)
    session.say(fill(ngettext("{} snapshot still waits.", "{} snapshots still wait.", pending), count_text(pending)));
  session.answer(result);
  return kExitDone;
}

}  // namespace

void add_sync(Command& app, Session& session) {
  auto* const command = app.add_subcommand("sync", _("Send to the peer what it has not confirmed yet, and wait"));
  command->group(_("Commands"));
  command->callback([&session] { session.action = [&session] { return sync(session); }; });
}

}  // namespace beffroi::client
