// Where entries of an audit log come from: a running peer, page by page, or a file that was exported from one.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "client/http/http.h"
#include "storage/space/audit_entry.h"

namespace beffroi::client {

/// Gets the exported fields of one entry; an error ends the reading.
using AuditVisit = std::function<Result<void>(const nlohmann::json& fields)>;

Result<storage::AuditHead> audit_head(Http& peer);
/// All entries from number `from` up to `head`. ErrorCode::protocol when the peer does not go on.
Result<void> visit_audit_log(Http& peer, std::uint64_t from, const storage::AuditHead& head, const AuditVisit& visit);
/// All entries of an export in JSON or CSV, whichever it is; the head that it names, if it does. Memory does not grow
/// with the file. ErrorCode::corrupt when it is neither.
Result<std::optional<storage::AuditHead>> visit_audit_file(const std::string& path, const AuditVisit& visit);

}  // namespace beffroi::client
