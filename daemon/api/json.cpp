#include "daemon/api/json.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "storage/format/utf8.h"

namespace beffroi::daemon {
namespace {

const char* type_name(storage::EntryType type) {
  switch (type) {
    case storage::EntryType::file:
      return "file";
    case storage::EntryType::directory:
      return "directory";
    case storage::EntryType::symlink:
      return "symlink";
    case storage::EntryType::fifo:
      return "fifo";
    case storage::EntryType::character_device:
      return "character_device";
    case storage::EntryType::block_device:
      return "block_device";
  }
  return "file";
}

Json flags_json(std::uint32_t flags) {
  Json out = Json::array();
  if ((flags & storage::kEntryChangedWhileRead) != 0) out.push_back("changed_while_read");
  if ((flags & storage::kEntryStale) != 0) out.push_back("stale");
  if ((flags & storage::kEntryUnreadable) != 0) out.push_back("unreadable");
  return out;
}

}  // namespace

std::string json_line(const Json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string time_text(storage::UnixTime time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "1970-01-01T00:00:00Z";
  char out[64];
  const std::size_t length = std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {out, length};
}

std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds) {
  std::string out = time_text({seconds});
  char decimals[16];
  const int length = std::snprintf(decimals, sizeof decimals, ".%09uZ", nanoseconds);
  out.pop_back();
  return out.append(decimals, static_cast<std::size_t>(length));
}

void set_path(Json& object, std::string_view bytes) {
  object["path"] = std::string(bytes);
  if (!storage::is_utf8(as_bytes(bytes))) object["path_b64"] = to_base64(as_bytes(bytes));
}

Json sentence_json(const std::string& text, const std::vector<std::string>& args) {
  return {{"text", text}, {"args", args}, {"message", fill_placeholders(text, args)}};
}

Json error_json(const Error& error) {
  Json out = sentence_json(error.text, error.args);
  out["code"] = error_code_name(error.code);
  return out;
}

Json progress_json(const Progress& progress) {
  return {{"phase", phase_name(progress.phase)},
          {"files_scanned", progress.files_scanned.load()},
          {"files_total_estimate", progress.files_total_estimate.load()},
          {"files_new", progress.files_new.load()},
          {"files_changed", progress.files_changed.load()},
          {"files_unchanged", progress.files_unchanged.load()},
          {"errors", progress.errors.load()},
          {"bytes_read", progress.bytes_read.load()},
          {"bytes_added", progress.bytes_added.load()},
          {"bytes_to_send", progress.bytes_to_send.load()},
          {"bytes_sent", progress.bytes_sent.load()}};
}

Json entry_json(const storage::Entry& entry) {
  Json out = {{"event", "entry"},     {"type", type_name(entry.type)},
              {"mode", entry.mode},   {"uid", entry.uid},
              {"gid", entry.gid},     {"user", entry.user},
              {"group", entry.group}, {"mtime", time_text(entry.mtime_s, entry.mtime_ns)},
              {"size", entry.size},   {"flags", flags_json(entry.flags)}};
  set_path(out, storage::to_display_path(entry.path));
  if (entry.type == storage::EntryType::file) out["digest"] = entry.content_digest.hex();
  if (entry.type == storage::EntryType::symlink) out["link_target"] = entry.link_target;
  if (!entry.hard_link.empty()) out["hard_link"] = storage::to_display_path(entry.hard_link);
  return out;
}

Json receipt_json(const Snapshot& snapshot) {
  if (!snapshot.receipt_counter || !snapshot.receipt_time) return nullptr;
  return {{"counter", *snapshot.receipt_counter}, {"time", time_text(*snapshot.receipt_time)}};
}

Json snapshot_json(const Snapshot& snapshot) {
  const auto& clear = snapshot.commit.clear;
  const auto& sealed = snapshot.sealed;
  const auto& counts = sealed.statistics;
  return {{"id", snapshot.commit.id.hex()},
          {"time", time_text(clear.clock)},
          {"device", clear.device.hex()},
          {"sequence", clear.sequence},
          {"host", sealed.host},
          {"sources", sealed.sources},
          {"tags", sealed.tags},
          {"files", counts.files_new + counts.files_changed + counts.files_unchanged},
          {"bytes", counts.bytes_source},
          {"partial", (clear.flags & storage::kCommitPartial) != 0},
          {"stale", (clear.flags & storage::kCommitStale) != 0},
          {"receipt", receipt_json(snapshot)},
          {"problems", sealed.problems_total}};
}

Json source_json(const Source& source) {
  Json out = {{"excludes", source.excludes},
              {"exclude_files", source.exclude_files},
              {"one_file_system", source.one_file_system},
              {"skip_caches", source.skip_caches},
              {"max_file_bytes", source.max_file_bytes ? Json(*source.max_file_bytes) : Json(nullptr)},
              {"separate", source.separate},
              {"before", source.before},
              {"after", source.after}};
  set_path(out, source.path);
  return out;
}

Json alarms_json(const std::vector<Alarm>& alarms) {
  Json out = Json::array();
  for (const Alarm& alarm : alarms) {
    Json one = sentence_json(alarm.text, alarm.args);
    one["since"] = time_text(alarm.since);
    out.push_back(std::move(one));
  }
  return out;
}

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
    case ErrorCode::limit_exceeded:
      return 400;
    case ErrorCode::refused:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::wrong_state:
    case ErrorCode::busy:
    case ErrorCode::conflict:
    case ErrorCode::already_exists:
      return 409;
    default:
      return 500;
  }
}

}  // namespace beffroi::daemon
