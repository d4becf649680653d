#include <memory>
#include <nlohmann/json.hpp>

#include "client/clock.h"
#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/kit/kit_founding.h"
#include "client/kit/private_file.h"
#include "client/selection.h"
#include "storage/format/cbor.h"
#include "storage/format/utf8.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxVaultNameBytes = 200;

struct InitWords {
  std::string name, kit, html;
  bool no_confirm = false;
};

Result<storage::DeviceRequest> ask_device(Session& session) {
  BEFFROI_TRY(Bytes answer, session.station().get_cbor("/v1/device"));
  auto request = storage::DeviceRequest::decode(answer);
  crypto::wipe(answer);
  return request;
}

Bytes records_body(const std::vector<Bytes>& records) {
  storage::CborWriter out;
  out.array(records.size());
  for (const Bytes& record : records) out.bytes(record);
  return out.take();
}

// When the connection broke after the request, the vault may be founded all the same; a kit must not be deleted then.
Result<json> found(Session& session, const Founding& founding, const std::string& kit, const std::string& page,
                   KitFiles& files) {
  const auto founded = session.station().post_cbor_for_json(
      "/v1/found?kit=" + query_value(kit) + (page.empty() ? "" : "&page=" + query_value(page)),
      records_body(founding.records));
  if (founded) return founded;
  const auto status = session.station().get("/v1/status");
  const std::string ours = to_hex(founding.sheet.space_id);
  if (status && text_field(*status, "space") == ours)
    return json{{"space", ours}, {"name", text_field(*status, "name")}, {"device", text_field(*status, "device")}};
  if (status) return founded;
  files.keep();
  return fail(ErrorCode::protocol,
              N_("Beffroi's service stopped while the vault was being set up. Keep {} until 'beffroi status' answers: "
                 "if it shows the vault, "
                 "that is its kit; if it says that the station is not set up, delete the file and start again."),
              kit);
}

void say_done(const Session& session, const std::string& kit, const std::string& page) {
  session.say(_("The vault is set up, and its kit is written:"));
  session.say("  " + session.console().name(kit));
  if (!page.empty()) session.say("  " + session.console().name(page));
  session.say("");
  session.say(_("Without a computer and without this sheet, nobody can bring your documents back. So, now:"));
  session.say(_("  1. Print it twice, and keep the two sheets in two places, locked away."));
  session.say(page.empty() ? _("  2. Delete the file from this computer.")
                           : _("  2. Delete both files from this computer."));
  session.say(_("  3. 'beffroi join CODE' with the invitation of your peer, and copy its details onto the sheets."));
}

Result<int> init(Session& session, const InitWords& words) {
  if (words.name.empty() || words.name.size() > kMaxVaultNameBytes || !storage::is_utf8(as_bytes(words.name)))
    return fail(ErrorCode::usage, N_("The name must have 1 to 200 letters, such as \"Mairie de Saint-Aubin\"."));
  BEFFROI_TRY(const std::string kit, absolute_path(words.kit));
  BEFFROI_CHECK(check_absent(kit));
  std::string page;
  if (!words.html.empty()) {
    BEFFROI_TRY(page, absolute_path(words.html));
    BEFFROI_CHECK(check_absent(page));
  }
  BEFFROI_TRY(const storage::DeviceRequest device, ask_device(session));
  crypto::Random& random = crypto::system_random();
  BEFFROI_TRY(Founding founding, make_founding(device, words.name, wall_clock_now(), random));
  KitFiles files;
  std::string text = crypto::kit_text(founding.sheet, spoken_language());
  const crypto::ScopedWipe wiped(text);
  BEFFROI_CHECK(files.write(kit, text));
  if (!page.empty()) {
    std::string html = crypto::kit_html(founding.sheet, spoken_language());
    const crypto::ScopedWipe html_wiped(html);
    BEFFROI_CHECK(files.write(page, html));
  }
  if (!words.no_confirm && session.console().in_is_terminal) {
    session.console().note(
        fill(_("The kit is written to {}. Print it now, then read from the paper:"), session.console().name(kit)));
    BEFFROI_CHECK(confirm_words(session.console(), founding.sheet.words, random));
  }
  BEFFROI_TRY(json answer, found(session, founding, kit, page, files));
  files.keep();
  say_done(session, kit, page);
  answer["kit"] = kit;
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_init(Command& app, Session& session) {
  auto* const command =
      app.add_subcommand("init", _("Set a new station up: its vault, and the paper kit that opens it again"));
  command->group(_("Commands"));
  const auto words = std::make_shared<InitWords>();
  command->add_option("--name", words->name, _("Whose documents these are"))
      ->option_text(_("NAME (required)"))
      ->required();
  command->add_option("--kit", words->kit, _("Where to write the kit's sheet, to be printed and then deleted"))
      ->option_text(_("FILE (required)"))
      ->required();
  command->add_option("--html", words->html, _("The same sheet as a page to print, in another file"))
      ->option_text(_("FILE"));
  command->add_flag("--no-confirm", words->no_confirm, _("Do not ask to type words of the sheet back"));
  command->footer(_("Example:\n  beffroi init --name 'Mairie de Saint-Aubin' --kit kit.txt"));
  command->callback([words, &session] { session.action = [words, &session] { return init(session, *words); }; });
}

}  // namespace beffroi::client
