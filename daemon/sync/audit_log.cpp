#include "daemon/sync/audit_log.h"

#include <spdlog/spdlog.h>

#include "storage/store/keys.h"

namespace beffroi::daemon {
namespace {

using storage::AuditEntry;
using storage::AuditHead;
using storage::Table;

constexpr std::string_view kPrefix = "peer/audit/";
constexpr std::size_t kActorDigits = 16;

Bytes key_of(std::uint64_t counter) { return storage::join_key({as_bytes(kPrefix), storage::be64(counter)}); }

storage::UnixTime audit_time(storage::UnixTime time) {
  return {std::clamp<std::int64_t>(time.seconds, 0, storage::kMaxAuditTimeSeconds)};
}

std::unexpected<Error> unreadable(std::uint64_t counter) {
  return fail(ErrorCode::corrupt,
              N_("Entry {} of the audit log can't be read: it is damaged, or was changed. '--from' shows those after "
                 "it."),
              std::to_string(counter));
}

bool is_newer(const Result<AuditEntry>& entry) {
  return !entry && entry.error().code == ErrorCode::unsupported_version;
}

}  // namespace

std::string device_actor(const storage::DeviceId& device) { return "device " + device.hex().substr(0, kActorDigits); }

Result<std::unique_ptr<AuditLog>> AuditLog::open(storage::Database& database, Clock& clock) {
  std::unique_ptr<AuditLog> out(new AuditLog(database, clock));
  BEFFROI_CHECK(out->read_head());
  return out;
}

// The bytes are enough to go on from, whether they can be decoded or not.
Result<void> AuditLog::read_head() {
  const std::uint64_t reopenings = database_.reopenings();
  BEFFROI_TRY(const auto last, database_.last(Table::state, as_bytes(kPrefix)));
  head_ = last ? AuditHead{.counter = storage::trailing_be64(last->key), .hash = storage::audit_hash(last->value)}
               : AuditHead{};
  reopenings_ = reopenings;
  return {};
}

Result<void> AuditLog::append(const AuditEvent& event, storage::Durability durability) {
  using namespace storage;  // its bounds
  for (int attempt = 0;; ++attempt) {
    // A write that had failed on a full disk may have been found done when the database was opened anew.
    if (database_.reopenings() != reopenings_) BEFFROI_CHECK(read_head());
    const AuditEntry entry{.counter = head_.counter + 1,
                           .previous = head_.hash,
                           .time = audit_time(clock_.now()),
                           .actor = audit_text(event.actor, kMaxAuditActorBytes),
                           .action = audit_action_name(event.action),
                           .space = event.space,
                           .organisation = audit_text(event.organisation, kMaxAuditOrganisationBytes),
                           .detail = audit_text(event.detail, kMaxAuditDetailBytes)};
    const Bytes encoded = encode_audit_entry(entry);
    WriteBatch batch;
    batch.put(Table::state, key_of(entry.counter), encoded);
    const auto written = database_.write_since(reopenings_, batch, durability);
    if (written) {
      head_ = {.counter = entry.counter, .hash = audit_hash(encoded)};
      return {};
    }
    if (attempt > 0 || database_.reopenings() == reopenings_) return written;
  }
}

Result<void> AuditLog::write_left_out(std::uint64_t left_out) {
  return append({.action = storage::AuditAction::refused,
                 .actor = kPeerActor,
                 .space = {},
                 .organisation = {},
                 .detail = std::to_string(left_out) + " more refusals, not written down one by one"},
                storage::Durability::buffered);
}

Result<void> AuditLog::add(const AuditEvent& event, storage::Durability durability) {
  const std::lock_guard lock(mutex_);
  if (event.action != storage::AuditAction::refused) return append(event, durability);
  const auto now = clock_.monotonic();
  if (const auto left_out = refusals_.end_hour(now, false)) BEFFROI_CHECK(write_left_out(*left_out));
  return refusals_.take(event.actor, event.organisation, now) ? append(event, durability) : Result<void>();
}

void AuditLog::note(const AuditEvent& event) {
  if (const auto added = add(event); !added)
    spdlog::error("not in the audit log ({}): {} by {}, {}", added.error().message(),
                  storage::audit_action_name(event.action), event.actor,
                  storage::audit_text(event.detail, storage::kMaxAuditDetailBytes));
}

Result<void> AuditLog::close_hour(bool now) {
  const std::lock_guard lock(mutex_);
  const auto left_out = refusals_.end_hour(clock_.monotonic(), now);
  return left_out ? write_left_out(*left_out) : Result<void>();
}

Result<std::vector<StoredAuditEntry>> AuditLog::read(std::uint64_t from, std::size_t max) const {
  std::vector<StoredAuditEntry> out;
  if (max == 0) return out;
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::state, as_bytes(kPrefix), key_of(from), [&](ByteView key, ByteView value) {
    auto entry = storage::decode_audit_entry(value);
    const std::uint64_t counter = storage::trailing_be64(key);
    if (!entry || entry->counter != counter) {
      // The page before it is given; the next one begins with it, and fails.
      if (out.empty()) outcome = is_newer(entry) ? Result<void>(forward_error(entry)) : unreadable(counter);
      return false;
    }
    out.push_back({std::move(*entry), storage::audit_hash(value)});
    return out.size() < max;
  }));
  BEFFROI_CHECK(outcome);
  return out;
}

AuditHead AuditLog::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

}  // namespace beffroi::daemon
