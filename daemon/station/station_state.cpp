#include "daemon/station/station_state.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;
using storage::UnixTime;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxArguments = 16;
constexpr std::string_view kSchedule = "station/schedule";
constexpr std::string_view kLastBackup = "station/last_backup";
constexpr std::string_view kContact = "station/contact";
constexpr std::string_view kAudits = "station/audits";
constexpr std::string_view kCollections = "station/collections";
constexpr std::string_view kKitFiles = "station/kit_files";
constexpr std::string_view kFoundedAt = "station/founded_at";
constexpr std::string_view kJoinedAt = "station/joined_at";
constexpr std::string_view kLineSpeed = "station/line_speed";
constexpr std::string_view kTreesMissing = "station/trees_missing";
constexpr std::string_view kSeenLosses = "station/seen_losses";
constexpr std::string_view kSettledLosses = "station/settled_losses";

void write_time(CborWriter& out, const std::optional<UnixTime>& time) {
  if (time)
    out.integer(time->seconds);
  else
    out.null();
}

std::optional<UnixTime> read_time(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return UnixTime{in.integer()};
}

void write_error(CborWriter& out, const std::optional<Error>& error) {
  if (!error) {
    out.null();
    return;
  }
  out.array(3).text(error_code_name(error->code)).bytes(as_bytes(error->text)).array(error->args.size());
  for (const std::string& arg : error->args) out.bytes(as_bytes(arg));
}

std::optional<Error> read_error(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  Error out{ErrorCode::io, {}, {}};
  in.array_of(3);
  out.code = error_code_from_name(std::string(in.text()));
  out.text = to_string(in.bytes());
  for (std::size_t left = in.array(kMaxArguments); left > 0; --left) out.args.push_back(to_string(in.bytes()));
  in.leave();
  in.leave();
  return out;
}

/// `items` of this version follow.
void begin(CborWriter& out, std::size_t items) { out.array(items + 1).uint(kVersion); }

void begin(CborReader& in, std::size_t items) {
  in.array_of(items + 1);
  if (in.uint() != kVersion) in.reject();
}

bool end(CborReader& in) {
  in.leave();
  return in.finish();
}

}  // namespace

std::optional<Bytes> StationState::load(std::string_view key) const {
  auto value = database_.get(storage::Table::state, as_bytes(key));
  if (value) return *value;
  spdlog::warn("{}", value.error().message());
  return std::nullopt;
}

void StationState::save(std::string_view key, ByteView value) {
  const auto written = database_.put(storage::Table::state, as_bytes(key), value, storage::Durability::synced);
  if (!written) spdlog::warn("{}", written.error().message());
}

ScheduleMemory StationState::schedule() const {
  const auto stored = load(kSchedule);
  if (!stored) return {};
  CborReader in(*stored);
  ScheduleMemory out;
  begin(in, 3);
  out.last_success = read_time(in);
  out.last_attempt = read_time(in);
  out.failures = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  return end(in) ? out : ScheduleMemory{};
}

void StationState::set_schedule(const ScheduleMemory& memory) {
  CborWriter out;
  begin(out, 3);
  write_time(out, memory.last_success);
  write_time(out, memory.last_attempt);
  out.uint(memory.failures);
  save(kSchedule, out.take());
}

std::optional<LastBackup> StationState::last_backup() const {
  const auto stored = load(kLastBackup);
  if (!stored) return std::nullopt;
  CborReader in(*stored);
  LastBackup out;
  begin(in, 4);
  out.snapshot = in.text();
  out.time.seconds = in.integer();
  out.partial = in.boolean();
  out.error = read_error(in);
  return end(in) ? std::optional(out) : std::nullopt;
}

void StationState::set_last_backup(const LastBackup& backup) {
  CborWriter out;
  begin(out, 4);
  out.text(backup.snapshot).integer(backup.time.seconds).boolean(backup.partial);
  write_error(out, backup.error);
  save(kLastBackup, out.take());
}

PeerContact StationState::contact() const {
  const auto stored = load(kContact);
  if (!stored) return {};
  CborReader in(*stored);
  PeerContact out;
  begin(in, 3);
  if (!in.try_null()) out.reachable = in.boolean();
  out.error = read_error(in);
  out.last_contact = read_time(in);
  return end(in) ? out : PeerContact{};
}

void StationState::set_contact(const PeerContact& contact) {
  CborWriter out;
  begin(out, 3);
  if (contact.reachable)
    out.boolean(*contact.reachable);
  else
    out.null();
  write_error(out, contact.error);
  write_time(out, contact.last_contact);
  save(kContact, out.take());
}

AuditMemory StationState::audits() const {
  const auto stored = load(kAudits);
  if (!stored) return {};
  CborReader in(*stored);
  AuditMemory out;
  begin(in, 2);
  out.unanswered = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.since = read_time(in);
  return end(in) ? out : AuditMemory{};
}

void StationState::set_audits(const AuditMemory& memory) {
  CborWriter out;
  begin(out, 2);
  out.uint(memory.unanswered);
  write_time(out, memory.since);
  save(kAudits, out.take());
}

CollectionMemory StationState::collections() const {
  const auto stored = load(kCollections);
  if (!stored) return {};
  CborReader in(*stored);
  CollectionMemory out;
  begin(in, 3);
  out.failures = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.last_attempt = read_time(in);
  out.error = read_error(in);
  return end(in) ? out : CollectionMemory{};
}

void StationState::set_collections(const CollectionMemory& memory) {
  CborWriter out;
  begin(out, 3);
  out.uint(memory.failures);
  write_time(out, memory.last_attempt);
  write_error(out, memory.error);
  save(kCollections, out.take());
}

std::vector<std::string> StationState::kit_files() const {
  const auto stored = load(kKitFiles);
  if (!stored) return {};
  CborReader in(*stored);
  std::vector<std::string> out;
  begin(in, 1);
  for (std::size_t left = in.array(kMaxKitFiles); left > 0; --left) out.push_back(to_string(in.bytes()));
  in.leave();
  return end(in) ? out : std::vector<std::string>();
}

void StationState::add_kit_file(const std::string& path) {
  std::vector<std::string> all = kit_files();
  if (std::ranges::find(all, path) != all.end()) return;
  if (all.size() == kMaxKitFiles) all.pop_back();
  all.push_back(path);
  CborWriter out;
  begin(out, 1);
  out.array(all.size());
  for (const std::string& file : all) out.bytes(as_bytes(file));
  save(kKitFiles, out.take());
}

std::optional<UnixTime> StationState::load_time(std::string_view key) const {
  const auto stored = load(key);
  if (!stored) return std::nullopt;
  CborReader in(*stored);
  const UnixTime out{in.integer()};
  return in.finish() ? std::optional(out) : std::nullopt;
}

void StationState::save_time(std::string_view key, UnixTime time) {
  CborWriter out;
  out.integer(time.seconds);
  save(key, out.take());
}

std::optional<UnixTime> StationState::founded_at() const { return load_time(kFoundedAt); }
void StationState::set_founded_at(UnixTime time) { save_time(kFoundedAt, time); }
std::optional<UnixTime> StationState::joined_at() const { return load_time(kJoinedAt); }
void StationState::set_joined_at(UnixTime time) { save_time(kJoinedAt, time); }

std::optional<std::uint64_t> StationState::load_number(std::string_view key) const {
  const auto stored = load(key);
  if (!stored) return std::nullopt;
  CborReader in(*stored);
  begin(in, 1);
  const std::uint64_t out = in.uint();
  return end(in) ? std::optional(out) : std::nullopt;
}

void StationState::save_number(std::string_view key, std::uint64_t number) {
  CborWriter out;
  begin(out, 1);
  out.uint(number);
  save(key, out.take());
}

std::optional<std::uint64_t> StationState::line_speed() const { return load_number(kLineSpeed); }
void StationState::set_line_speed(std::uint64_t bytes_per_second) { save_number(kLineSpeed, bytes_per_second); }
std::uint64_t StationState::seen_losses() const { return load_number(kSeenLosses).value_or(0); }
void StationState::set_seen_losses(std::uint64_t count) { save_number(kSeenLosses, count); }
std::uint64_t StationState::settled_losses() const { return load_number(kSettledLosses).value_or(0); }
void StationState::set_settled_losses(std::uint64_t count) { save_number(kSettledLosses, count); }

bool StationState::trees_missing() const {
  const auto stored = load(kTreesMissing);
  return stored && *stored == Bytes{1};
}

void StationState::set_trees_missing(bool missing) {
  const std::uint8_t value = missing ? 1 : 0;
  save(kTreesMissing, {&value, 1});
}

}  // namespace beffroi::daemon
