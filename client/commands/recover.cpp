#include <memory>
#include <nlohmann/json.hpp>

#include "client/clock.h"
#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/kit/root_record.h"
#include "client/recovery/recovery_material.h"
#include "client/ui/human.h"
#include "client/ui/progress_line.h"
#include "storage/format/cbor.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct RecoverWords {
  std::string kit, peer;
  bool keep = false, stolen = false;
};

Result<Bytes> sign_recovery(const crypto::DeviceKeys& root, const RecoveryMaterial& material,
                            const std::string& address, const RecoverWords& words) {
  storage::RecoveryPlan plan;
  plan.log = &material.log;
  plan.keep_others = words.keep;
  plan.hostile = words.stolen;
  plan.heads = material.heads;
  plan.home = storage::HomeBody{material.peer, address};
  BEFFROI_TRY(const std::vector<Bytes> records,
              storage::recover_vault(root, material.device, plan, wall_clock_now(), crypto::system_random()));
  storage::CborWriter out;
  out.array(records.size());
  for (const Bytes& record : records) out.bytes(record);
  return out.take();
}

// Everything that needs the root, which is gone when this returns.
Result<Bytes> admit_this_device(Session& session, const ReadKit& kit, const std::string& address,
                                const RecoverWords& words) {
  const crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(kit.reading.secret);
  RecoveryExpectation expected;
  if (kit.space_id) expected.space = storage::SpaceId{*kit.space_id};
  expected.peer = kit.peer_key;
  Bytes request = recovery_request(address, expected, root);
  const crypto::ScopedWipe request_wiped(request);
  BEFFROI_TRY(Bytes answer, session.station().post_cbor("/v1/recover/begin", request));
  const crypto::ScopedWipe answer_wiped(answer);
  BEFFROI_TRY(const RecoveryMaterial material, read_recovery_material(answer, expected, root.public_part()));
  if (!material.peer_checked)
    session.remark(
        _("Neither the kit nor the vault names the peer's key: it could not be checked that this is the right peer."));
  return sign_recovery(root, material, address, words);
}

void say_recovered(const Session& session, const json& result, const std::string& kit, bool keep) {
  const json& latest = sub_field(result, "latest");
  const auto count = number_field(result, "snapshots");
  session.say(fill(_("The vault \"{}\" is back."), session.console().name(text_field(result, "name"))));
  session.say(fill(ngettext("{} snapshot was found.", "{} snapshots were found.", count), count_text(count)));
  if (!latest.empty()) {
    session.say(fill(_("The newest: {}, made by {}; receipt {}."), time_text(text_field(latest, "time")),
                     session.console().name(text_field(latest, "host")),
                     std::to_string(number_field(result, "receipt_counter"))));
    session.say(
        _("Hold date and receipt against the last ones that 'beffroi status' showed: older ones would mean that the "
          "peer keeps something back."));
  }
  if (!keep) session.say(_("The machines that were lost can no longer write to this vault."));
  if (!kit.empty())
    session.say(fill(_("Delete {} from this machine now: whoever reads the kit's words can read everything."),
                     session.console().name(kit)));
  session.say(
      _("Next: 'beffroi restore latest --target FOLDER'. Then 'beffroi source add' for the folders to back up from now "
        "on."));
}

Result<int> recover(Session& session, const RecoverWords& words) {
  BEFFROI_TRY(const std::string kit_file, kit_on_disk(words.kit));
  BEFFROI_TRY(const ReadKit kit, read_kit(session.console(), words.kit));
  const json corrected = name_corrections(session, kit.reading);
  const std::string address = words.peer.empty() ? kit.peer_address : words.peer;
  if (address.empty())
    return fail(ErrorCode::usage, N_("The kit does not say where the peer is: add --peer HOST:PORT."));
  BEFFROI_TRY(const Bytes records, admit_this_device(session, kit, address, words));
  ProgressLine progress(session);
  auto done =
      session.station().post_cbor_for_events(std::string("/v1/recover/finish?keep=") + (words.keep ? "1" : "0") +
                                                 (kit_file.empty() ? "" : "&kit=" + query_value(kit_file)),
                                             records, progress.sink());
  progress.clear();
  BEFFROI_TRY(json result, std::move(done));
  say_recovered(session, result, kit_file, words.keep);
  result["corrections"] = corrected.size();
  result["corrected_words"] = corrected;
  session.answer(result);
  return kExitDone;
}

}  // namespace

void add_recover(Command& app, Session& session) {
  auto* const command = app.add_subcommand(
      "recover", _("On a new station, after a loss: everything back from the peer, by the paper kit"));
  command->group(_("Commands"));
  const auto words = std::make_shared<RecoverWords>();
  command
      ->add_option("--kit", words->kit,
                   _("File with the words, the space and the peer, copied from the sheet; else they are asked for"))
      ->option_text(_("FILE"));
  command->add_option("--peer", words->peer, _("Where the peer is, if the kit does not say it"))
      ->option_text(_("HOST:PORT"));
  command->add_flag("--keep", words->keep, _("The other machines of this vault are not lost: leave them their rights"));
  command
      ->add_flag("--stolen", words->stolen,
                 _("The machine was stolen: encrypt what is backed up from now on under keys that it never had"))
      ->excludes("--keep");
  command->footer(_("Example:\n  beffroi recover --kit kit.txt --peer backup.epci.example:8440"));
  command->callback([words, &session] { session.action = [words, &session] { return recover(session, *words); }; });
}

}  // namespace beffroi::client
