#include "client/audit/audit_source.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "client/audit/csv.h"
#include "client/audit/exported_entry.h"
#include "client/http/json_fields.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using storage::AuditHead;

constexpr std::uint64_t kPage = 1000;
constexpr int kEntryDepth = 2;  // {"entries": [{…}]}

std::string page_target(std::uint64_t from, std::uint64_t limit) {
  return "/v1/audit?from=" + std::to_string(from) + "&limit=" + std::to_string(limit);
}

// Each entry is dropped as soon as it was visited.
Result<std::optional<AuditHead>> visit_json(std::istream& in, const AuditVisit& visit) {
  Result<void> outcome;
  const auto keep = [&](int depth, json::parse_event_t event, const json& parsed) {
    if (depth != kEntryDepth || event != json::parse_event_t::object_end) return true;
    if (outcome) outcome = visit(parsed);
    return false;
  };
  const json rest = json::parse(in, keep, false);
  BEFFROI_CHECK(outcome);
  if (!rest.is_object() || !rest.contains("head"))
    return fail(ErrorCode::corrupt, N_("This file is not as 'beffroi peer audit --json' writes it. Export it again."));
  BEFFROI_TRY(const AuditHead head, exported_head(sub_field(rest, "head")));
  return head;
}

Result<std::optional<AuditHead>> visit_csv(std::istream& in, const AuditVisit& visit) {
  CsvReader reader(in);
  BEFFROI_TRY(auto line, reader.next());
  if (!line || !is_csv_header(*line))
    return fail(ErrorCode::corrupt, N_("This file is not as 'beffroi peer audit --csv' writes it. Export it again."));
  for (;;) {
    BEFFROI_TRY(line, reader.next());
    if (!line) return std::nullopt;
    BEFFROI_TRY(const json fields, csv_fields(*line));
    BEFFROI_CHECK(visit(fields));
  }
}

}  // namespace

Result<AuditHead> audit_head(Http& peer) {
  BEFFROI_TRY(const json answer, peer.get(page_target(1, 0)));
  return exported_head(sub_field(answer, "head"));
}

Result<void> visit_audit_log(Http& peer, std::uint64_t from, const AuditHead& head, const AuditVisit& visit) {
  while (from <= head.counter) {
    BEFFROI_TRY(const json answer, peer.get(page_target(from, std::min(kPage, head.counter - from + 1))));
    const json& entries = sub_field(answer, "entries");
    // Entries that were cut off: who verifies sees that the head was not reached.
    if (entries.empty()) return {};
    for (const json& fields : entries) {
      const std::uint64_t counter = number_field(fields, "counter");
      if (counter < from || counter == UINT64_MAX)
        return fail(ErrorCode::protocol, N_("The peer's audit log does not go on after entry {}."),
                    std::to_string(from - 1));
      if (counter > head.counter) return {};
      BEFFROI_CHECK(visit(fields));
      from = counter + 1;
    }
  }
  return {};
}

Result<std::optional<AuditHead>> visit_audit_file(const std::string& path, const AuditVisit& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, N_("Cannot read {}: {}."), path,
                std::generic_category().message(errno));
  return file.peek() == '{' ? visit_json(file, visit) : visit_csv(file, visit);
}

}  // namespace beffroi::client
