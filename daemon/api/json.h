// The shapes of docs/api.md: from our types to JSON and back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>

#include "daemon/backup/source.h"
#include "daemon/service/alarm.h"
#include "daemon/service/progress.h"
#include "daemon/vault/vault.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {

using Json = nlohmann::json;

/// One line with its end; bytes that are not UTF-8 are replaced (`path_b64` has them exactly).
std::string json_line(const Json& value);

/// "2026-11-23T22:30:05Z"; with nine decimals for times of files.
std::string time_text(storage::UnixTime time);
std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds);

/// Sets `path`, and `path_b64` when the bytes are not UTF-8.
void set_path(Json& object, std::string_view bytes);
std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

/// {"text", "args", "message"}
Json sentence_json(const std::string& text, const std::vector<std::string>& args);
/// {"code", "text", "args", "message"}
Json error_json(const Error& error);
Json progress_json(const Progress& progress);
Json entry_json(const storage::Entry& entry);
Json snapshot_json(const Snapshot& snapshot);
/// {"counter", "time"} or null.
Json receipt_json(const Snapshot& snapshot);
Json source_json(const Source& source);
Json alarms_json(const std::vector<Alarm>& alarms);

/// The HTTP status that goes with an error.
int http_status(ErrorCode code);

/// Of objects and lists inside one another in a request's body.
inline constexpr int kMaxBodyDepth = 16;

/// Fields of a request's body, read strictly: a field of another type, or one that nobody asked for, is
/// ErrorCode::usage.
class BodyFields {
 public:
  /// Of a text that should be one JSON object, nested no deeper than kMaxBodyDepth; an empty one counts as {}.
  explicit BodyFields(std::string_view text);
  ~BodyFields();
  std::string text(const char* name, std::string otherwise = {});
  bool flag(const char* name, bool otherwise = false);
  std::optional<std::uint64_t> number(const char* name);
  std::vector<std::string> texts(const char* name);
  /// Exact bytes of a name: NAME_b64 wins over NAME.
  std::string bytes(const char* name);
  /// Of an array of objects with `path` and `path_b64`.
  std::vector<std::string> paths(const char* name);
  /// Nothing was wrong, and everything was asked for.
  Result<void> finish() const;

 private:
  explicit BodyFields(std::unique_ptr<Json> object);
  const Json* find(const std::string& name);
  void wrong(const std::string& name);
  std::unique_ptr<Json> object_;
  std::set<std::string> asked_;
  std::optional<Error> error_;
};
Result<Source> read_source(std::string_view body);

}  // namespace beffroi::daemon
