#include "client/http/ndjson.h"

#include <nlohmann/json.hpp>

#include "client/http/json_fields.h"

namespace beffroi::client {

using nlohmann::json;

Error cut_stream() {
  return {ErrorCode::protocol,
          N_("Beffroi's service stopped in the middle of its answer. Start the command again; if that does not help, "
             "look at 'journalctl -u beffroid-station'."),
          {}};
}

Error not_understood() {
  return {ErrorCode::protocol,
          N_("Beffroi's service gave an answer that this command does not understand: the two are of different "
             "versions. Restart the service."),
          {}};
}

Result<void> EventReader::feed(ByteView bytes) {
  pending_.append(as_text(bytes));
  std::size_t from = 0;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', from)) {
    BEFFROI_CHECK(take_line(std::string_view(pending_).substr(from, end - from)));
    from = end + 1;
  }
  pending_.erase(0, from);
  if (pending_.size() > kMaxLineBytes) return std::unexpected(not_understood());
  return {};
}

Result<void> EventReader::take_line(std::string_view line) {
  if (line.empty()) return {};
  json event = json::parse(line, nullptr, false);
  if (!event.is_object() || result_ || error_) return std::unexpected(not_understood());
  const std::string kind = text_field(event, "event");
  if (kind == "error") {
    error_ = said_in(sub_field(event, "error"));
    return {};
  }
  if (kind != "result") return sink_(event);
  event.erase("event");
  result_ = event.dump();
  return {};
}

Result<json> EventReader::finish() {
  if (error_) return std::unexpected(*error_);
  if (!result_) return std::unexpected(cut_stream());
  return json::parse(*result_);
}

}  // namespace beffroi::client
