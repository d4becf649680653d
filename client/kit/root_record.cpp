#include "client/kit/root_record.h"

#include <nlohmann/json.hpp>

#include "client/clock.h"
#include "client/selection.h"
#include "client/ui/human.h"
#include "storage/format/cbor.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRecords = 1'000'000;

std::unexpected<Error> another_vault() {
  return fail(ErrorCode::refused, N_("This kit is of another vault than this machine's."));
}

Result<storage::SpaceLog> fetch_log(Session& session, const std::optional<crypto::Hash256>& expected) {
  BEFFROI_TRY(const Bytes answer, session.station().get_cbor("/v1/log"));
  storage::CborReader in(answer);
  std::vector<Bytes> records;
  for (std::size_t left = in.array(kMaxRecords); left > 0; --left)
    records.push_back(to_bytes(in.bytes(storage::kMaxRecordBytes)));
  in.leave();
  if (!in.finish()) return fail(ErrorCode::protocol, N_("The service's answer can't be understood."));
  std::optional<storage::SpaceId> space;
  if (expected) space = storage::SpaceId{*expected};
  auto log = storage::SpaceLog::from_records(records, space);
  if (!log && space && !records.empty()) return another_vault();
  return log;
}

Bytes one_record(const Bytes& record) {
  storage::CborWriter out;
  out.array(1).bytes(record);
  return out.take();
}

}  // namespace

json name_corrections(const Session& session, const crypto::KitReading& reading) {
  json positions = json::array();
  for (const auto& correction : reading.corrections) {
    session.remark(fill(_("Word {} of the kit was wrong and is taken as \"{}\": mend it on the sheet."),
                        std::to_string(correction.position), correction.should_be));
    positions.push_back(correction.position);
  }
  return positions;
}

Result<std::string> kit_on_disk(const std::string& kit_file) {
  if (kit_file.empty() || kit_file == "-") return std::string();
  return absolute_path(kit_file);
}

Result<json> sign_as_root(Session& session, const std::string& kit_file, const RootRecord& make) {
  BEFFROI_TRY(const std::string path, kit_on_disk(kit_file));
  BEFFROI_TRY(const ReadKit kit, read_kit(session.console(), kit_file));
  const json corrected = name_corrections(session, kit.reading);
  const crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(kit.reading.secret);
  const std::string target = "/v1/log" + (path.empty() ? std::string() : "?kit=" + query_value(path));
  Result<json> answer;
  for (int i = 0; i < kSignTries; ++i) {
    BEFFROI_TRY(const storage::SpaceLog log, fetch_log(session, kit.space_id));
    // A kit does not have to say its space, and words alone don't show where they belong.
    if (log.root() != root.public_part()) return another_vault();
    BEFFROI_TRY(const Bytes record, make(root, log, wall_clock_now()));
    answer = session.station().post_cbor_for_json(target, one_record(record));
    if (answer || answer.error().code != ErrorCode::conflict) break;
  }
  if (!answer) return answer;
  (*answer)["corrections"] = corrected.size();
  (*answer)["corrected_words"] = corrected;
  say_delete_kit(session, path);
  return answer;
}

Result<crypto::DeviceKeys> root_of_vault(Session& session, const std::string& kit_file, json& answer) {
  BEFFROI_TRY(const ReadKit kit, read_kit(session.console(), kit_file));
  const json corrected = name_corrections(session, kit.reading);
  crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(kit.reading.secret);
  BEFFROI_TRY(const storage::SpaceLog log, fetch_log(session, kit.space_id));
  if (log.root() != root.public_part()) return another_vault();
  answer["corrections"] = corrected.size();
  answer["corrected_words"] = corrected;
  return root;
}

void say_delete_kit(const Session& session, const std::string& path) {
  if (path.empty()) return;
  session.say(fill(_("Delete {} from this machine now: whoever reads the kit's words can read everything."),
                   session.console().name(path)));
}

}  // namespace beffroi::client
