#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

void say_clock(const Session& session, const json& clock) {
  session.say(fill(_("This machine's clock: {}."), time_text(text_field(clock, "machine"))));
  session.say(fill(_("The peer's time:      {}."), time_text(text_field(clock, "peer"))));
  const std::string state = text_field(clock, "state");
  if (state == "in_step") session.say(_("They agree as far as they must."));
  if (state == "catching_up")
    session.say(
        _("The machine's clock was accepted and is behind: the peer's time goes at half speed until it has caught "
          "up."));
  if (state != "held") return;
  const json& hold = sub_field(clock, "hold");
  const bool ahead = text_field(hold, "reason") == "jumped_ahead";
  session.say(fill(ahead ? _("The machine's clock jumped ahead: it showed {} when the peer counted {}.")
                         : _("The machine's clock went back: it showed {} when the peer counted {}."),
                   time_text(text_field(hold, "machine")), time_text(text_field(hold, "peer"))));
  session.say(_("Nothing expires meanwhile. Put the clock right; or, if it is right now, say --accept."));
}

Result<int> clock(Session& session, bool accept) {
  json answer;
  if (accept) {
    BEFFROI_TRY(answer, session.peer().send("POST", "/v1/clock", {{"accept", true}}));
    session.say(_("The machine's clock is accepted."));
  } else {
    BEFFROI_TRY(answer, session.peer().get("/v1/clock"));
  }
  say_clock(session, answer);
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_peer_clock(Command& group, Session& session) {
  auto* const command = group.add_subcommand("clock", _("Does the peer believe this machine's clock?"));
  command->group(_("Commands"));
  const auto accept = std::make_shared<bool>(false);
  command->add_flag("--accept", *accept, _("The machine's clock is right: go by it from now on"));
  command->callback([accept, &session] { session.action = [accept, &session] { return clock(session, *accept); }; });
}

}  // namespace beffroi::client
