#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/kit/private_file.h"
#include "client/selection.h"
#include "crypto/peer_details.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct JoinWords {
  std::vector<std::string> code;
  std::string out;
};

Result<crypto::PeerDetails> details_of(const json& peer) {
  crypto::PeerDetails out;
  out.address = text_field(peer, "address");
  out.name = out.address.substr(0, out.address.rfind(':'));
  const auto key = from_base32(text_field(peer, "transport"));
  const auto fixed = key ? crypto::TransportPublicKey::from(*key) : std::nullopt;
  if (!fixed) return fail(ErrorCode::protocol, N_("Beffroi's service gave no key of the peer."));
  out.key = *fixed;
  return out;
}

// Next to the kit, if it is known where that is: both go onto one sheet.
std::string details_file(Session& session, const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  const auto status = session.station().get("/v1/status");
  const std::string kit = status ? text_field(*status, "kit_file") : std::string();
  return kit.empty() ? "beffroi.peer" : kit + ".peer";
}

// The enrolment stands whatever becomes of the file: a problem with it is a remark.
std::string write_details(Session& session, const std::string& path, const std::string& text) {
  const auto written = write_new_file(path, as_bytes(text), FileAudience::everybody);
  if (written) return path;
  if (written.error().code == ErrorCode::already_exists) {
    const auto before = read_short_file(path);
    if (before && *before == text) return path;
  }
  session.remark(translated(written.error()));
  return {};
}

Result<int> join(Session& session, const JoinWords& words) {
  std::string code;
  for (const std::string& group : words.code) code += group;
  BEFFROI_TRY(const json joined, session.station().send("POST", "/v1/join", {{"code", code}}));
  BEFFROI_TRY(const crypto::PeerDetails details, details_of(sub_field(joined, "peer")));
  const std::string text = crypto::peer_text(details, spoken_language());
  const std::string file = write_details(session, details_file(session, words.out), text);
  session.say(fill(_("This station is now enrolled at the peer {}."), details.address));
  session.say(_("Copy these lines onto the kit's sheet; they are not secret:"));
  session.say("");
  session.say(text.substr(text.starts_with('#') ? text.find('\n') + 1 : 0));
  if (!file.empty()) session.say(fill(_("They are also in {}."), session.console().name(file)));
  session.say(_("Next: 'beffroi source add FOLDER', then 'beffroi backup'."));
  json answer = joined;
  answer["peer_file"] = file.empty() ? json(nullptr) : json(file);
  session.answer(answer);
  return kExitDone;
}

}  // namespace

void add_join(Command& app, Session& session) {
  auto* const command = app.add_subcommand("join", _("Enrol this station at a peer, with an invitation code"));
  command->group(_("Commands"));
  const auto words = std::make_shared<JoinWords>();
  command->add_option("CODE", words->code, _("The invitation, as the peer's operator gave it"))
      ->option_text(" ")
      ->required();
  command->add_option("--out", words->out, _("Where to write the peer's details (default: beside the kit)"))
      ->option_text(_("FILE"));
  command->footer(_("Example:\n  beffroi join bfr1-abcd-efgh-…"));
  command->callback([words, &session] { session.action = [words, &session] { return join(session, *words); }; });
}

}  // namespace beffroi::client
