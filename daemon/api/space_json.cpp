#include "daemon/api/space_json.h"

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/share/share_history.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kShownIdDigits = 8;

Json time_or_null(const std::optional<storage::UnixTime>& time) {
  return time ? Json(time_text(*time)) : Json(nullptr);
}
Json error_or_null(const std::optional<Error>& error) { return error ? error_json(*error) : Json(nullptr); }

const char* folder_state(storage::FolderFound found) {
  switch (found) {
    case storage::FolderFound::missing:
      return "missing";
    case storage::FolderFound::other:
      return "other";
    case storage::FolderFound::same:
      break;
  }
  return "ok";
}

Json brake_json(const std::optional<ShareBrake>& brake) {
  if (!brake) return nullptr;
  return {{"reason", storage::brake_reason_name(brake->reason)},
          {"since", time_text(brake->since)},
          {"files_before", brake->counts.files_before},
          {"files_after", brake->counts.files_after},
          {"deleted", brake->counts.deleted},
          {"rewritten", brake->counts.rewritten}};
}

/// More are not listed.
constexpr std::size_t kMaxPartsListed = 100;

Json kept_json(const LocalPaths& local) {
  Json out = {{"everything", local.has({})}, {"but", Json::array()}, {"more", 0}};
  for (const auto& [path, here] : local.rules()) {
    if (path.empty()) continue;
    if (out["but"].size() == kMaxPartsListed) {
      out["more"] = local.rules().size() - kMaxPartsListed - (local.has({}) ? 0 : 1);
      break;
    }
    Json one = {{"here", here}};
    set_share_path(one, path);
    out["but"].push_back(std::move(one));
  }
  return out;
}

const char* join_name(const PendingJoin& join) {
  if (join.state == PendingJoin::State::refused) return "refused";
  return join.state == PendingJoin::State::closed ? "closed" : "waiting";
}

void add_joined(Json& out, const Share& share) {
  const auto role = own_role(share);
  out["state"] = role ? "joined" : "removed";
  out["name"] = share.vault->name();
  out["role"] = role ? Json(storage::role_name(*role)) : Json(nullptr);
  const auto members = members_of(share);
  out["members"] = members ? members->size() : 0;
  const auto unaware = share.book.peer_unaware();
  out["at_peer"] = unaware && !*unaware;
  const auto peer = share.vault->peer();
  out["peer"] = peer ? Json(peer->address) : Json(nullptr);
}

void add_waiting(Json& out, const StationContext& station, const Share& share) {
  const auto join = share.book.join();
  out["name"] = nullptr;
  out["state"] = "closed";
  if (!join || !*join) return;
  out["state"] = join_name(**join);
  out["role"] = storage::role_name((*join)->invitation.role);
  out["asked"] = time_text((*join)->asked);
  out["peer"] = (*join)->invitation.address;
  out["reason"] = (*join)->reason;
  const auto words = words_of_join(station, **join);
  out["words"] = words ? Json(*words) : Json(nullptr);
}

/// Names in the log's lines, also of those who have gone: by the first digits of their ids then.
class LogNames {
 public:
  LogNames(const storage::SpaceLog& log, storage::SpaceNames names) : log_(log), names_(std::move(names)) {}

  Json member(const storage::IdentityId& id) const {
    const auto found = names_.members.find(id);
    return {{"id", id.hex()},
            {"name", found == names_.members.end() ? id.hex().substr(0, kShownIdDigits) : found->second}};
  }
  Json device(const storage::DeviceId& id) const {
    const auto found = names_.devices.find(id);
    return {{"id", id.hex()},
            {"name", found == names_.devices.end() ? id.hex().substr(0, kShownIdDigits) : found->second}};
  }
  /// Who signed: a device with its owner, or the kit.
  Json signer(const crypto::SigningPublicKey& key) const {
    for (const auto& [id, state] : log_.devices())
      if (state.keys.sign == key) return {{"member", member(state.identity)}, {"device", device(id)}};
    return {{"member", member(log_.root().sign)}, {"device", nullptr}};
  }

 private:
  const storage::SpaceLog& log_;
  const storage::SpaceNames names_;
};

void add_body(Json& out, const LogNames& names, const storage::RecordBody& body) {
  if (const auto* member = std::get_if<storage::MemberBody>(&body)) {
    out["member"] = names.member(member->root.sign);
    out["role"] = storage::role_name(member->role);
  } else if (const auto* device = std::get_if<storage::DeviceBody>(&body)) {
    out["member"] = names.member(device->identity);
    out["device"] = names.device(device->device.id());
    out["role"] = storage::role_name(device->role);
  } else if (const auto* removal = std::get_if<storage::RemovalBody>(&body)) {
    if (removal->identity) out["member"] = names.member(*removal->identity);
    out["devices"] = Json::array();
    for (const auto& gone : removal->devices) out["devices"].push_back(names.device(gone.device));
    out["hostile"] = removal->hostile;
  } else if (const auto* epoch = std::get_if<storage::EpochBody>(&body)) {
    out["epoch"] = epoch->epoch.value;
  } else if (const auto* settings = std::get_if<storage::SettingsBody>(&body)) {
    out["patterns"] = settings->ignore.patterns();
  }
}

}  // namespace

void set_share_path(Json& object, std::string_view entry_path) { set_path(object, share_path_text(entry_path)); }

Result<std::string> path_in_share(const Share& share, const std::string& path) {
  if (!path.starts_with('/')) return storage::to_entry_path(path);
  const std::string whole = storage::to_entry_path(path), top = storage::to_entry_path(share.folder);
  if (!storage::is_at_or_below(whole, top))
    return fail(ErrorCode::usage, N_("{} is not in the folder {} of this space."), path, share.folder);
  return whole == top ? std::string() : whole.substr(top.size() + 1);
}

Json device_json(const MemberDevice& device) {
  return {{"id", device.id.hex()}, {"name", device.name},         {"role", storage::role_name(device.role)},
          {"me", device.me},       {"has_keys", device.has_keys}, {"last_commit", time_or_null(device.last_commit)}};
}

Json member_json(const Member& member) {
  Json devices = Json::array();
  for (const MemberDevice& device : member.devices) devices.push_back(device_json(device));
  return {{"id", member.identity.hex()},
          {"name", member.name},
          {"role", storage::role_name(member.role)},
          {"me", member.me},
          {"devices", devices}};
}

Json invitation_json(const InvitationFacts& facts) {
  return {{"id", facts.id},
          {"role", storage::role_name(facts.role)},
          {"made", time_text(facts.made)},
          {"expires", time_text(facts.expires)},
          {"state", facts.state},
          {"applicant", facts.applicant}};
}

Json request_json(const RequestFacts& facts) {
  Json out = {{"id", facts.id}, {"mine", facts.mine}, {"received", time_text(facts.received)}};
  if (!facts.mine) return out;
  out["role"] = storage::role_name(facts.role);
  out["name"] = facts.identity_name;
  out["device_name"] = facts.device_name;
  out["device"] = facts.device;
  out["words"] = facts.words;
  out["known"] = facts.known;
  out["problem"] = error_or_null(facts.problem);
  return out;
}

Json cycle_json(const ShareCycle& cycle) {
  return {{"files_sent", cycle.files_sent},
          {"files_received", cycle.files_received},
          {"conflicts", cycle.conflicts},
          {"confirmed", cycle.confirmed},
          {"not_sent", error_or_null(cycle.not_sent)}};
}

Json share_status_json(const ShareStatus& status) {
  Json conflicts = Json::array();
  for (const auto& conflict : status.conflicts) {
    Json one, copy;
    set_share_path(one, conflict.path);
    set_share_path(copy, conflict.copy);
    one["copy"] = copy["path"];
    if (copy.contains("path_b64")) one["copy_b64"] = copy["path_b64"];
    conflicts.push_back(std::move(one));
  }
  Json skipped = Json::array();
  for (const ShareSkipped& file : status.skipped) {
    Json one = sentence_json(file.reason.text, file.reason.args);
    set_share_path(one, file.path);
    skipped.push_back(std::move(one));
  }
  return {{"folder_state", folder_state(status.folder)},
          {"running", status.running},
          {"last_sync", time_or_null(status.last_sync)},
          {"last_error", error_or_null(status.last_error)},
          {"pending_commits", status.pending_commits},
          {"conflicts", conflicts},
          {"skipped", skipped},
          {"brake", brake_json(status.brake)},
          {"kept_here", kept_json(status.local)}};
}

Json share_json(const StationContext& station, const Share& share) {
  Json out = {{"space", share.space.hex()}};
  Json folder;
  set_path(folder, share.folder);
  out["folder"] = folder["path"];
  if (folder.contains("path_b64")) out["folder_b64"] = folder["path_b64"];
  if (share.joined())
    add_joined(out, share);
  else
    add_waiting(out, station, share);
  return out;
}

Result<Json> share_log_json(const Share& share) {
  const storage::SpaceLog log = share.vault->log();
  BEFFROI_TRY(storage::SpaceNames known, names_of(share));
  const LogNames names(log, std::move(known));
  Json out = Json::array();
  for (const storage::Record& record : log.records()) {
    Json one = {{"number", record.sequence},
                {"time", time_text(record.clock)},
                {"type", storage::record_type_name(record.body)},
                {"by", names.signer(record.signer)}};
    add_body(one, names, record.body);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace beffroi::daemon
