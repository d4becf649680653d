// delete, deletions, undelete: snapshots that go before their time.
#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/kit/root_record.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kIdDigitsShown = 12;
constexpr std::size_t kMinPrefixDigits = 4;

struct DeleteWords {
  std::vector<std::string> snapshots;
  std::string kit;
  bool yes = false;
};

Result<json> find_snapshot(const json& list, const std::string& name) {
  const json* found = nullptr;
  for (const json& snapshot : list) {
    if (name.size() < kMinPrefixDigits || !text_field(snapshot, "id").starts_with(name)) continue;
    if (found != nullptr) return fail(ErrorCode::usage, N_("Several snapshots begin with {}. Give more digits."), name);
    found = &snapshot;
  }
  if (found != nullptr) return *found;
  return fail(ErrorCode::not_found, N_("There is no snapshot {}. 'beffroi snapshots' lists them."), name);
}

Result<std::vector<json>> find_snapshots(Session& session, const std::vector<std::string>& names) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/snapshots"));
  std::vector<json> out;
  for (const std::string& name : names) {
    BEFFROI_TRY(out.emplace_back(), find_snapshot(sub_field(answer, "snapshots"), name));
  }
  return out;
}

Result<std::vector<storage::CommitId>> ids_of(const std::vector<json>& snapshots) {
  std::vector<storage::CommitId> out;
  for (const json& snapshot : snapshots) {
    const auto bytes = from_hex(text_field(snapshot, "id"));
    const auto id = bytes ? storage::CommitId::from(*bytes) : std::nullopt;
    if (!id) return fail(ErrorCode::protocol, N_("The service's answer can't be understood."));
    out.push_back(*id);
  }
  return out;
}

std::string in_words(const Session& session, const json& snapshot) {
  return fill(_("{}, of {}, made by {}; files: {}; size: {}"), text_field(snapshot, "id").substr(0, kIdDigitsShown),
              time_text(text_field(snapshot, "time")), session.console().name(text_field(snapshot, "host")),
              count_text(number_field(snapshot, "files")), size_text(number_field(snapshot, "bytes")));
}

/// Shows what is about to be signed, and has it said once more.
Result<void> consent(const Session& session, const std::vector<json>& snapshots, bool yes) {
  const Console& console = session.console();
  const auto show = [&](const std::string& line) {
    if (yes) return session.say(line);
    console.note(line);
  };
  show(fill(ngettext("{} snapshot is to be deleted:", "{} snapshots are to be deleted:", snapshots.size()),
            count_text(snapshots.size())));
  for (const json& snapshot : snapshots) show("  " + in_words(session, snapshot));
  if (yes) return {};
  if (!console.in_is_terminal)
    return fail(ErrorCode::usage, N_("Nothing was signed. If these are the right snapshots, add --yes."));
  BEFFROI_TRY(const std::string answer, console.ask(_("If these are the right ones, type \"yes\": "), false));
  if (answer == "yes" || answer == _("yes")) return {};
  return fail(ErrorCode::cancelled, N_("Nothing was signed."));
}

/// The one that was just made, as the service lists it.
Result<json> listed(Session& session, const std::string& id) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/deletions"));
  for (const json& deletion : sub_field(answer, "deletions"))
    if (text_field(deletion, "id") == id) return deletion;
  return json::object();
}

Result<int> remove(Session& session, const DeleteWords& words) {
  BEFFROI_TRY(const auto snapshots, find_snapshots(session, words.snapshots));
  BEFFROI_TRY(const auto commits, ids_of(snapshots));
  BEFFROI_CHECK(consent(session, snapshots, words.yes));
  const RootRecord make = [&](const crypto::DeviceKeys& root, const storage::SpaceLog& log, storage::UnixTime clock) {
    return storage::delete_commits(root, log, commits, clock);
  };
  BEFFROI_TRY(json answer, sign_as_root(session, words.kit, make));
  const std::string id = text_field(answer, "record");
  BEFFROI_TRY(const json deletion, listed(session, id));
  session.say(fill(_("The deletion {} is signed, and waits: nothing goes before {}."), id.substr(0, kIdDigitsShown),
                   time_text(text_field(deletion, "due"))));
  session.say(fill(_("Until then every machine of this vault shows it, and 'beffroi undelete {}' stops it."),
                   id.substr(0, kIdDigitsShown)));
  answer["deletion"] = deletion;
  session.answer(answer);
  return kExitDone;
}

std::string state_in_words(const json& deletion) {
  const std::string state = text_field(deletion, "state");
  if (state == "waiting") return fill(_("waits until {}"), time_text(text_field(deletion, "due")));
  return state == "cancelled" ? _("was taken back") : _("is done");
}

Result<int> list(Session& session) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/deletions"));
  const json& deletions = sub_field(answer, "deletions");
  if (deletions.empty()) session.say(_("No snapshot is to be deleted."));
  for (const json& deletion : deletions) {
    session.say(fill(_("{}, signed {}: {}"), text_field(deletion, "id").substr(0, kIdDigitsShown),
                     time_text(text_field(deletion, "since")), state_in_words(deletion)));
    for (const json& snapshot : sub_field(deletion, "snapshots"))
      if (snapshot.is_string()) session.say("  " + snapshot.get<std::string>().substr(0, kIdDigitsShown));
  }
  session.answer(answer);
  return kExitDone;
}

Result<int> take_back(Session& session, const std::string& id) {
  BEFFROI_TRY(const json answer, session.station().send("POST", "/v1/deletions/cancel", {{"id", id}}));
  session.say(fill(_("The deletion {} is taken back: its snapshots stay."),
                   text_field(answer, "id").substr(0, kIdDigitsShown)));
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_delete(Command& app, Session& session) {
  auto* const command = app.add_subcommand(
      "delete", _("Have snapshots deleted: at the end of a long wait, in which everybody can stop it"));
  command->group(_("Commands"));
  const auto words = std::make_shared<DeleteWords>();
  command->add_option("snapshot", words->snapshots, _("Beginnings of their ids"))->option_text("SNAP")->required();
  command->add_option("--kit", words->kit, _("File with the kit's words; else they are asked for"))
      ->option_text(_("FILE"));
  command->add_flag("--yes", words->yes, _("Do not ask whether these are the right ones"));
  command->callback([words, &session] { session.action = [words, &session] { return remove(session, *words); }; });

  auto* const deletions = app.add_subcommand("deletions", _("List the deletions that wait, and those before"));
  deletions->group(_("Commands"));
  deletions->callback([&session] { session.action = [&session] { return list(session); }; });

  auto* const undelete = app.add_subcommand("undelete", _("Take a deletion back. It takes no kit"));
  undelete->group(_("Commands"));
  const auto id = std::make_shared<std::string>();
  undelete->add_option("id", *id, _("Beginning of its id"))->option_text(_("ID"))->required();
  undelete->callback([id, &session] { session.action = [id, &session] { return take_back(session, *id); }; });
}

}  // namespace beffroi::client
