#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

Result<int> audit(Session& session) {
  ProgressLine progress(session);
  auto done = session.station().post_events("/v1/audit", json::object(), progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  const std::uint64_t missing = number_field(result, "missing");
  if (number_field(result, "snapshots") == 0) {
    session.say(_("The peer has confirmed no snapshot yet: there is nothing to ask for."));
  } else if (missing == 0) {
    session.say(
        fill(_("The peer gave back what it was asked for. Objects: {}; {}; snapshots they were drawn from: {}."),
             count_text(number_field(result, "objects")), size_text(number_field(result, "bytes")),
             count_text(number_field(result, "snapshots"))));
  } else {
    session.remark(fill(ngettext("{} object is missing at the peer, or is not what it was.",
                                 "{} objects are missing at the peer, or are not what they were.", missing),
                        count_text(missing)));
    session.remark(
        _("'beffroi sync' sends again what is still on this machine. Tell the EPCI that its server has lost data."));
  }
  session.answer(result);
  return missing > 0 ? kExitIntegrity : kExitDone;
}

}  // namespace

void add_audit(Command& app, Session& session) {
  auto* const command = app.add_subcommand(
      "audit", _("Ask the peer for a few pieces of the snapshots, chosen at random, as every night does"));
  command->group(_("Commands"));
  command->callback([&session] { session.action = [&session] { return audit(session); }; });
}

}  // namespace beffroi::client
