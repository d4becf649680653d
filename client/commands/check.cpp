#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kDamagesShown = 20;
constexpr std::size_t kIdDigitsShown = 12;

struct CheckWords {
  bool read_data = false;
  std::string at = "local";
};

void list_damages(const Session& session, const json& result, std::uint64_t total) {
  session.remark(fill(ngettext("{} damage was found. What is damaged can't be restored from here:",
                               "{} damages were found. What is damaged can't be restored from here:", total),
                      count_text(total)));
  std::size_t shown = 0;
  for (const json& damage : sub_field(result, "damages")) {
    if (shown++ == kDamagesShown) break;
    const json& error = sub_field(damage, "error");
    const std::string said = error.empty() ? text_field(damage, "error") : translated(said_in(error));
    const std::string snapshot = text_field(damage, "snapshot").substr(0, kIdDigitsShown);
    const std::string place = snapshot.empty() ? std::string() : snapshot + ":" + path_field(damage) + ": ";
    session.remark(session.console().name("  " + place + said));
  }
  session.remark(
      _("Try 'beffroi check --read-data --at peer' and 'beffroi restore --from peer', and call your technician."));
}

/// Says what was looked at, and what was not.
void say_well(const Session& session, const CheckWords& words, const json& result) {
  const std::string snapshots = count_text(number_field(result, "snapshots"));
  const std::string files = count_text(number_field(result, "files"));
  if (words.read_data) {
    session.say(fill(_("All is well. Snapshots: {}; files: {}; read and compared: {}."), snapshots, files,
                     size_text(number_field(result, "bytes"))));
    return;
  }
  if (words.at == "peer") {
    session.say(
        fill(_("The lists of files are well at the peer. Snapshots: {}; files: {}. Their contents were not looked "
               "at: 'beffroi check --read-data --at peer' does it."),
             snapshots, files));
    return;
  }
  session.say(fill(_("Nothing is missing. Snapshots: {}; files: {}; in place: {}. They were not opened: 'beffroi check "
                     "--read-data' does it."),
                   snapshots, files, size_text(number_field(result, "bytes_in_place"))));
  if (const auto elsewhere = number_field(result, "bytes_elsewhere"); elsewhere > 0)
    session.say(fill(_("{} more are only at the peer: 'beffroi check --read-data --at peer' reads them."),
                     size_text(elsewhere)));
}

Result<int> check(Session& session, const CheckWords& words) {
  ProgressLine progress(session);
  auto done =
      session.station().post_events("/v1/check", {{"read_data", words.read_data}, {"at", words.at}}, progress.sink());
  progress.clear();
  BEFFROI_TRY(const json result, std::move(done));
  const std::uint64_t damages = number_field(result, "damages_total");
  if (damages > 0) {
    list_damages(session, result, damages);
  } else {
    say_well(session, words, result);
  }
  if (const auto waiting = number_field(result, "snapshots_not_sent"); waiting > 0)
    session.say(
        fill(ngettext("{} snapshot is not at the peer yet and was left out: 'beffroi sync' sends it.",
                      "{} snapshots are not at the peer yet and were left out: 'beffroi sync' sends them.", waiting),
             count_text(waiting)));
  if (const auto gone = number_field(result, "snapshots_gone"); gone > 0)
    session.say(
        fill(ngettext("{} snapshot has gone while it was looked at, by the rules or by a deletion, and was left "
                      "out.",
                      "{} snapshots have gone while they were looked at, by the rules or by a deletion, and "
                      "were left out.",
                      gone),
             count_text(gone)));
  session.answer(result);
  return damages > 0 ? kExitIntegrity : kExitDone;
}

}  // namespace

void add_check(Command& app, Session& session) {
  auto* const command = app.add_subcommand("check", _("Verify that the snapshots are complete and intact"));
  command->group(_("Commands"));
  const auto words = std::make_shared<CheckWords>();
  command->add_flag("--read-data", words->read_data, _("Open every file and compare its digest, too"));
  command->add_option("--at", words->at, _("Where: local or peer (default: local)"))
      ->option_text("local|peer")
      ->one_of({"local", "peer"});
  command->callback([words, &session] { session.action = [words, &session] { return check(session, *words); }; });
}

}  // namespace beffroi::client
