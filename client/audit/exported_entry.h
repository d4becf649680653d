// An entry of a peer's audit log as it is exported: the fields of docs/api.md, as an object of JSON or a line of CSV.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "storage/space/audit_entry.h"

namespace beffroi::client {

struct ExportedEntry {
  storage::AuditEntry entry;
  storage::AuditHash hash;
};

/// ErrorCode::corrupt when a field is missing or is not what is exported.
Result<ExportedEntry> exported_entry(const nlohmann::json& fields);
/// "{"counter", "hash"}"; ErrorCode::corrupt likewise.
Result<storage::AuditHead> exported_head(const nlohmann::json& fields);
/// "COUNTER:HASH", as a person notes it; and back (ErrorCode::usage).
std::string head_text(const storage::AuditHead& head);
Result<storage::AuditHead> parse_head(std::string_view text);

/// The names of the fields, in the order of the columns; with the end of the line.
std::string csv_header();
std::string csv_line(const nlohmann::json& fields);
/// The fields again; ErrorCode::corrupt when these are not as many cells as there are fields.
Result<nlohmann::json> csv_fields(const std::vector<std::string>& cells);
bool is_csv_header(const std::vector<std::string>& cells);

}  // namespace beffroi::client
