#include "client/audit/exported_entry.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "client/audit/csv.h"
#include "client/http/json_fields.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 9> kFields = {"counter", "time",  "previous",     "hash",  "actor",
                                                "action",  "space", "organisation", "detail"};
constexpr const char* kLineEnd = "\r\n";

std::unexpected<Error> not_exported(const std::string& counter) {
  return fail(ErrorCode::corrupt, N_("Entry {} of the audit log is not as it is exported: a field was changed."),
              counter);
}

template <class Number>
std::optional<Number> whole_number(std::string_view digits) {
  Number out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

// "2026-11-23T22:30:05Z" and nothing else, so that one moment has one text.
std::optional<storage::UnixTime> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (kShape[i] == 'd' ? (text[i] < '0' || text[i] > '9') : text[i] != kShape[i]) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t digits) {
    return whole_number<unsigned>(text.substr(at, digits)).value_or(0);
  };
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(part(0, 4))),
                                         std::chrono::month(part(5, 2)), std::chrono::day(part(8, 2))};
  if (!date.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return storage::UnixTime{((days * 24 + part(11, 2)) * 60 + part(14, 2)) * 60 + part(17, 2)};
}

template <class Fixed>
std::optional<Fixed> fixed_field(const json& fields, const char* name) {
  const auto bytes = from_hex(text_field(fields, name));
  return bytes ? Fixed::from(*bytes) : std::nullopt;
}

std::string cell_text(const json& fields, const char* name) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace

Result<ExportedEntry> exported_entry(const json& fields) {
  const auto time = parse_time(text_field(fields, "time"));
  const auto previous = fixed_field<storage::AuditHash>(fields, "previous");
  const auto hash = fixed_field<storage::AuditHash>(fields, "hash");
  const auto space = fixed_field<storage::SpaceId>(fields, "space");
  const bool has_space = !text_field(fields, "space").empty();
  ExportedEntry out;
  out.entry.counter = number_field(fields, "counter");
  if (!time || !previous || !hash || has_space != space.has_value())
    return not_exported(std::to_string(out.entry.counter));
  out.entry.previous = *previous;
  out.entry.time = *time;
  out.entry.actor = text_field(fields, "actor");
  out.entry.action = text_field(fields, "action");
  if (has_space) out.entry.space = space;
  out.entry.organisation = text_field(fields, "organisation");
  out.entry.detail = text_field(fields, "detail");
  out.hash = *hash;
  return out;
}

Result<storage::AuditHead> exported_head(const json& fields) {
  const auto hash = fixed_field<storage::AuditHash>(fields, "hash");
  if (!hash) return fail(ErrorCode::corrupt, N_("The head of the audit log is not as it is exported."));
  return storage::AuditHead{.counter = number_field(fields, "counter"), .hash = *hash};
}

std::string head_text(const storage::AuditHead& head) { return std::to_string(head.counter) + ":" + head.hash.hex(); }

Result<storage::AuditHead> parse_head(std::string_view text) {
  const auto colon = text.find(':');
  const auto counter = whole_number<std::uint64_t>(text.substr(0, colon));
  const auto bytes = colon == std::string_view::npos ? std::nullopt : from_hex(text.substr(colon + 1));
  const auto hash = bytes ? storage::AuditHash::from(*bytes) : std::nullopt;
  if (!counter || !hash)
    return fail(ErrorCode::usage, N_("{} is not a noted head: it is a number, a colon and 64 characters."),
                std::string(text));
  return storage::AuditHead{.counter = *counter, .hash = *hash};
}

std::string csv_header() {
  std::string out;
  for (const char* const field : kFields) out += (out.empty() ? "" : ",") + csv_cell(field);
  return out + kLineEnd;
}

std::string csv_line(const json& fields) {
  std::string out;
  for (const char* const field : kFields) out += (out.empty() ? "" : ",") + csv_cell(cell_text(fields, field));
  return out + kLineEnd;
}

Result<json> csv_fields(const std::vector<std::string>& cells) {
  const auto counter = cells.size() == kFields.size() ? whole_number<std::uint64_t>(cells[0]) : std::nullopt;
  if (!counter) return not_exported(cells.empty() ? "?" : cells[0]);
  json out = json::object();
  for (std::size_t i = 0; i < kFields.size(); ++i) out[kFields[i]] = cells[i];
  out["counter"] = *counter;
  return out;
}

bool is_csv_header(const std::vector<std::string>& cells) {
  return std::equal(cells.begin(), cells.end(), kFields.begin(), kFields.end());
}

}  // namespace beffroi::client
