#include <time.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/peer_commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct LossWords {
  std::string since, reason, name;
  bool yes = false;
};

json loss_body(const LossWords& words, time_t since) {
  json body = {{"since", since}, {"reason", words.reason}};
  if (!words.name.empty()) body["name"] = words.name;
  return body;
}

// A script that forgot --yes must not declare anything.
Result<void> confirm(Session& session, const LossWords& words, time_t since) {
  if (words.yes) return {};
  const Console& console = session.console();
  if (!console.in_is_terminal)
    return fail(ErrorCode::usage, N_("A loss that was declared can't be taken back. Say --yes if you are sure."));
  if (words.name.empty())
    console.note(fill(_("All stations will be told that this peer may have lost what it received since {}. They send "
                        "it again, and show this for ever."),
                      time_text(since)));
  else
    console.note(fill(_("The stations of {} will be told that this peer may have lost what it received since {}. They "
                        "send it again, and show this for ever."),
                      console.name(words.name), time_text(since)));
  BEFFROI_TRY(const std::string answer, console.ask(_("Type \"yes\" to declare it: "), false));
  if (answer != "yes" && answer != _("yes")) return fail(ErrorCode::cancelled, N_("Nothing was declared."));
  return {};
}

Result<int> declare_loss(Session& session, const LossWords& words) {
  BEFFROI_TRY(const time_t since, parse_moment(words.since));
  BEFFROI_CHECK(confirm(session, words, since));
  BEFFROI_TRY(const json answer, session.peer().send("POST", "/v1/losses", loss_body(words, since)));
  const std::size_t count = sub_field(answer, "losses").size();
  session.say(
      fill(ngettext("Declared to {} station: what was received since {} may be lost. It hears of it when it "
                    "connects, and sends again what is missing.",
                    "Declared to {} stations: what was received since {} may be lost. They hear of it when they "
                    "connect, and send again what is missing.",
                    count),
           count_text(count), time_text(text_field(answer, "since"))));
  session.say(_("Deletions wait anew from today: those that you had cancelled since then must be cancelled again."));
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_peer_losses(Command& group, Session& session) {
  auto* const command =
      group.add_subcommand("declare-loss", _("Tell the stations that this peer was restored from an older state"));
  command->group(_("Commands"));
  const auto words = std::make_shared<LossWords>();
  command
      ->add_option("--since", words->since,
                   _("The time of that state: everything received from then on may be missing"))
      ->option_text(_("TIME (required)"))
      ->required();
  command->add_option("--reason", words->reason, _("What happened, one line that the stations show"))
      ->option_text(_("TEXT"));
  command->add_option("--name", words->name, _("Only to the stations of this organisation"))->option_text(_("NAME"));
  command->add_flag("--yes", words->yes, _("Do not ask: it can't be taken back"));
  command->footer(
      _("Example:\n  beffroi peer declare-loss --since '2026-11-20 02:00' --reason 'The disk broke, image of Friday'"));
  command->callback(
      [words, &session] { session.action = [words, &session] { return declare_loss(session, *words); }; });
}

}  // namespace beffroi::client
