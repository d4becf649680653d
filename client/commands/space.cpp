// space create, list, leave: the shared spaces of this computer.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "client/clock.h"
#include "client/commands/commands.h"
#include "client/commands/space_history.h"
#include "client/commands/space_words.h"
#include "client/http/json_fields.h"
#include "client/kit/root_record.h"
#include "client/selection.h"
#include "storage/format/cbor.h"
#include "storage/space/share_ceremony.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kHostNameBytes = 256;

std::string machine_name() {
  std::array<char, kHostNameBytes> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return storage::display_name(name.data());
}

Result<storage::DeviceRequest> founder_device(Session& session) {
  BEFFROI_TRY(Bytes answer, session.station().get_cbor("/v1/spaces/device"));
  auto device = storage::DeviceRequest::decode(answer);
  crypto::wipe(answer);
  return device;
}

Result<storage::ShareWords> share_words(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json status, session.station().get("/v1/status"));
  const std::string person = words.person.empty() ? text_field(status, "name") : words.person;
  return storage::ShareWords{.space_name = words.name,
                             .identity_name = storage::display_name(person),
                             .device_name = words.device.empty() ? machine_name() : words.device};
}

Bytes records_body(const std::vector<Bytes>& records) {
  storage::CborWriter out;
  out.array(records.size());
  for (const Bytes& record : records) out.bytes(record);
  return out.take();
}

void say_created(const Session& session, const json& answer) {
  session.say(fill(_("The space {} is made. What is in {} is shared with those whom you invite."),
                   session.console().name(text_field(answer, "name")),
                   session.console().name(text_field(answer, "folder"))));
  if (!flag_field(answer, "at_peer"))
    session.say(
        _("The peer does not answer at the moment. It hears of the space as soon as it does: then you can "
          "invite."));
  session.say(fill(_("Invite somebody: beffroi space invite {} --role writer"), short_id(text_field(answer, "space"))));
}

Result<int> create(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const std::string folder, absolute_path(words.folder));
  BEFFROI_TRY(const std::string kit, kit_on_disk(words.kit));
  BEFFROI_TRY(const storage::ShareWords named, share_words(session, words));
  BEFFROI_TRY(const storage::DeviceRequest device, founder_device(session));
  json corrections = json::object();
  BEFFROI_TRY(const crypto::DeviceKeys root, root_of_vault(session, words.kit, corrections));
  BEFFROI_TRY(const auto records, storage::found_share(root, device, named, wall_clock_now(), crypto::system_random()));
  const std::string target =
      "/v1/spaces?" + path_query(folder) + (kit.empty() ? std::string() : "&kit=" + query_value(kit));
  BEFFROI_TRY(json answer, session.station().post_cbor_for_json(target, records_body(records)));
  answer.update(corrections);
  say_created(session, answer);
  say_delete_kit(session, kit);
  session.answer(answer);
  return kExitDone;
}

std::string state_in_words(const json& space) {
  const std::string state = text_field(space, "state");
  if (state == "joined") return role_in_words(text_field(space, "role"));
  if (state == "waiting") return _("waits for a manager's yes");
  if (state == "refused") return _("was refused");
  if (state == "removed") return _("was taken out");
  return _("the invitation has ended");
}

Result<int> list(Session& session, const SpaceWords&) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/spaces"));
  const json& spaces = sub_field(answer, "spaces");
  std::vector<std::vector<std::string>> rows;
  for (const json& space : spaces)
    rows.push_back({short_id(text_field(space, "space")), session.console().name(text_field(space, "name")),
                    state_in_words(space), session.console().name(text_field(space, "folder"))});
  if (rows.empty())
    session.say(
        _("There is no shared space on this computer. 'beffroi space create' makes one, 'beffroi space join' "
          "enters one."));
  else
    session.say(table_text(rows));
  session.answer(answer);
  return kExitDone;
}

Result<int> leave(Session& session, const SpaceWords& words) {
  BEFFROI_TRY(const json answer, session.station().send("POST", "/v1/spaces/leave",
                                                        {{"space", words.space}, {"only_here", words.only_here}}));
  session.say(fill(_("This computer is no longer in the space. The files in {} stay as they are, and are kept in step "
                     "no more."),
                   session.console().name(text_field(answer, "folder"))));
  session.answer(answer);
  return kExitDone;
}

void add_create(Command& group, Session& session) {
  const auto added = add_space_command(group, session, "create",
                                       _("Make a space, and share a folder in it. It takes the kit's words"), create);
  added.command->add_option("NAME", added.words->name, _("What the space is called"))->option_text(" ")->required();
  added.command->add_option("--folder", added.words->folder, _("The folder to share; it may have files"))
      ->option_text(_("DIR (required)"))
      ->required();
  added.command->add_option("--kit", added.words->kit, _("File with the kit's words; else they are asked for"))
      ->option_text(_("FILE"));
  added.command->add_option("--name", added.words->person, _("Your name, as the others see it (else the vault's)"))
      ->option_text(_("PERSON"));
  added.command->add_option("--device", added.words->device, _("This computer's name, as the others see it"))
      ->option_text(_("NAME"));
  added.command->footer(_("Example:\n  beffroi space create 'Trois communes' --folder ~/Partage"));
}

}  // namespace

void add_space(Command& app, Session& session) {
  auto* const space = app.add_subcommand("space", _("Folders that are shared with other town halls and people"));
  space->group(_("Commands"));
  space->require_subcommand(1);
  add_create(*space, session);
  add_space_command(*space, session, "list", _("The spaces of this computer"), list);
  const auto left = add_space_command(*space, session, "leave",
                                      _("Leave a space, or take a request to join back; the files stay"), leave);
  take_space(left);
  left.command->add_flag("--only-here", left.words->only_here,
                         _("Tell nobody: for a computer that was taken out, or whose peer is no more"));
  add_space_joining(*space, session);
  add_space_members(*space, session);
  add_space_computers(*space, session);
  add_space_folders(*space, session);
  add_space_files(*space, session);
  add_space_ignore(*space, session);
  add_space_history(*space, session);
  add_space_restore(*space, session);
}

}  // namespace beffroi::client
