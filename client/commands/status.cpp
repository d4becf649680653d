#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/commands/peer_status.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

void say_last_backup(const Session& session, const json& status) {
  const json& last = sub_field(status, "last_backup");
  if (last.empty()) {
    session.say(_("This machine has not backed anything up yet."));
    return;
  }
  const std::string when = time_text(text_field(last, "time"));
  const std::string result = text_field(last, "result");
  if (result == "ok")
    session.say(fill(_("The last backup, of {}, is complete."), when));
  else if (result == "partial")
    session.say(fill(_("The last backup, of {}, is done, but some files could not be read."), when));
  else
    session.say(fill(_("The last backup, of {}, failed: {}"), when, translated(said_in(sub_field(last, "error")))));
}

// Why the last try to send failed, in the peer's words or in this station's.
void say_peer_error(const Session& session, const json& peer) {
  if (const json& error = sub_field(peer, "error"); !error.empty())
    session.say(
        session.console().name(fill(_("The last try to send to the peer failed: {}"), translated(said_in(error)))));
}

// Once the peer has declared a loss, the status says so for ever.
void say_loss(const Session& session, const json& peer) {
  const json& loss = sub_field(peer, "loss");
  if (loss.empty()) return;
  const bool settled = flag_field(loss, "settled");
  session.say(fill(settled
                       ? _("On {} the peer declared that it had lost what it received since {}. All was sent again.")
                       : _("On {} the peer declared that it had lost what it received since {}. It is sent again."),
                   time_text(text_field(loss, "declared")), time_text(text_field(loss, "since"))));
  if (const auto unsendable = number_field(loss, "unsendable"); unsendable > 0)
    session.say(fill(_("Snapshots of that time that can't be sent again, as a part of them was at the peer alone: {}."),
                     count_text(unsendable)));
  if (const std::string reason = text_field(loss, "reason"); !reason.empty())
    session.say(fill(_("The reason that it gave: {}"), session.console().name(reason)));
  if (const auto count = number_field(loss, "count"); count > 1)
    session.say(fill(_("It was loss number {} that it declared."), count_text(count)));
}

void say_peer(const Session& session, const json& status) {
  const json& peer = sub_field(status, "peer");
  if (peer.empty()) {
    session.say(_("There is no peer yet: the backups are on this machine only. 'beffroi join CODE' changes that."));
    return;
  }
  const std::string address = text_field(peer, "address");
  const json& receipt = sub_field(status, "last_receipt");
  if (!receipt.empty())
    session.say(fill(_("The peer {} confirmed the backup of {} (receipt {})."), address,
                     time_text(text_field(receipt, "time")), std::to_string(number_field(receipt, "counter"))));
  if (const auto pending = number_field(status, "pending_commits"); pending > 0)
    session.say(fill(ngettext("{} snapshot waits for the peer's confirmation.",
                              "{} snapshots wait for the peer's confirmation.", pending),
                     count_text(pending)));
  if (text_field(peer, "state") == "unreachable") {
    const std::string contact = text_field(peer, "last_contact");
    session.say(contact.empty() ? fill(_("The peer {} can't be reached."), address)
                                : fill(_("The peer {} can't be reached since {}."), address, time_text(contact)));
  }
  say_peer_error(session, peer);
  say_loss(session, peer);
}

void say_sources(const Session& session, const json& status) {
  if (!status.contains("sources")) return;
  const json& sources = sub_field(status, "sources");
  if (sources.empty()) session.say(_("No folder is backed up yet. 'beffroi source add FOLDER' changes that."));
  for (const json& source : sources) {
    const std::string state = text_field(source, "state");
    const std::string name = session.console().name(path_field(source));
    if (state == "missing")
      session.say("  " + fill(_("{}: missing! Its last backup is kept."), name));
    else if (state == "empty")
      session.say("  " + fill(_("{}: empty!"), name));
    else
      session.say("  " + name);
  }
}

void say_schedule(const Session& session, const json& status) {
  if (const json& running = sub_field(status, "running"); !running.empty())
    session.say(fill(_("At work now: {}."), progress_text(running)));
  if (const std::string next = text_field(status, "next_backup"); !next.empty())
    session.say(fill(_("Next backup: {}."), time_text(next)));
  const json& store = sub_field(status, "store");
  if (!store.empty())
    session.say(fill(_("Space used here: {}; free: {}."), size_text(number_field(store, "bytes")),
                     size_text(number_field(store, "free_bytes"))));
}

void say_collection(const Session& session, const json& status) {
  if (const json& error = sub_field(sub_field(status, "collection"), "error"); !error.empty())
    session.say(session.console().name(fill(
        _("The room of snapshots that went could not be given back the last time: {}"), translated(said_in(error)))));
}

void say_warnings(const Session& session, const json& status) {
  for (const json& alarm : sub_field(status, "alarms"))
    session.say(fill(_("WARNING: {}"), session.console().name(translated(said_in(alarm)))));
  for (const json& kit : sub_field(status, "kit_files"))
    if (kit.is_string())
      session.say(fill(
          _("WARNING: the kit is still on this machine, in {}. Print it, keep it locked away, and delete the file."),
          session.console().name(kit.get<std::string>())));
}

Result<int> status(Session& session) {
  BEFFROI_TRY(const json status, session.station().get("/v1/status"));
  if (text_field(status, "role") == "peer") {
    say_peer_status(session, status);
  } else if (text_field(status, "state") == "empty") {
    session.say(_("This station is not set up yet."));
    session.say(
        _("For a new vault: 'beffroi init --name NAME --kit FILE'. After a loss: 'beffroi recover --kit FILE'."));
  } else {
    session.say(session.console().name(text_field(status, "name")));
    say_warnings(session, status);
    say_last_backup(session, status);
    say_peer(session, status);
    say_sources(session, status);
    say_collection(session, status);
    say_schedule(session, status);
  }
  session.answer(status);
  return kExitDone;
}

}  // namespace

void add_status(Command& app, Session& session) {
  auto* const command = app.add_subcommand("status", _("Is all well? Last backup, peer, warnings"));
  command->group(_("Commands"));
  command->callback([&session] { session.action = [&session] { return status(session); }; });
}

}  // namespace beffroi::client
