#include "storage/space/audit_entry.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/format/cbor.h"
#include "storage/format/utf8.h"

namespace beffroi::storage {
namespace {

constexpr std::uint64_t kVersion = 1;
const char* const kWhat = N_("audit entry");

std::size_t sequence_length(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xF0) return 4;
  return lead >= 0xE0 ? 3 : 2;
}

std::uint32_t code_point(ByteView sequence) {
  if (sequence.size() == 1) return sequence[0];
  std::uint32_t out = sequence[0] & (0x7FU >> sequence.size());
  for (const std::uint8_t byte : sequence.subspan(1)) out = out << 6 | (byte & 0x3FU);
  return out;
}

// What a terminal or a spreadsheet obeys instead of showing it.
bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

bool is_text(const std::string& text, std::size_t max_bytes) {
  return text.size() <= max_bytes && audit_text(text, max_bytes) == text;
}

std::unexpected<Error> broken(std::uint64_t counter) {
  return fail(ErrorCode::corrupt,
              N_("The audit log is broken at entry {}: this entry or one before it was changed, left out or put in."),
              std::to_string(counter));
}

}  // namespace

const char* audit_action_name(AuditAction action) {
  static constexpr std::array kNames = {"invite",
                                        "revoke",
                                        "enrol",
                                        "record",
                                        "receipt",
                                        "expire",
                                        "deletion_requested",
                                        "deletion_cancelled",
                                        "deletion_done",
                                        "collect",
                                        "scrub",
                                        "damaged",
                                        "healed",
                                        "suspend",
                                        "resume",
                                        "change",
                                        "erase",
                                        "clock_held",
                                        "clock_released",
                                        "declare_loss",
                                        "join_request",
                                        "refused",
                                        "start",
                                        "stop"};
  static_assert(kNames.size() == static_cast<std::size_t>(AuditAction::stop) + 1);
  return kNames.at(static_cast<std::size_t>(action));
}

std::string audit_text(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (ByteView rest = as_bytes(text); !rest.empty();) {
    const ByteView sequence = rest.first(std::min(rest.size(), sequence_length(rest.front())));
    const bool is_character = is_utf8(sequence);
    const bool is_shown = is_character && !is_control(code_point(sequence));
    const std::string_view next = is_shown ? as_text(sequence) : "?";
    if (out.size() + next.size() > max_bytes) break;
    out += next;
    rest = rest.subspan(is_character ? sequence.size() : 1);
  }
  return out;
}

bool is_well_formed(const AuditEntry& entry) {
  return entry.counter > 0 && (entry.counter > 1 || entry.previous.is_zero()) && entry.time.seconds >= 0 &&
         entry.time.seconds <= kMaxAuditTimeSeconds && is_text(entry.actor, kMaxAuditActorBytes) &&
         is_text(entry.action, kMaxAuditActionBytes) && is_text(entry.organisation, kMaxAuditOrganisationBytes) &&
         is_text(entry.detail, kMaxAuditDetailBytes);
}

Bytes encode_audit_entry(const AuditEntry& entry) {
  BEFFROI_ASSERT(is_well_formed(entry));
  CborWriter out;
  out.array(9).uint(kVersion).uint(entry.counter).bytes(entry.previous).integer(entry.time.seconds);
  out.text(entry.actor).text(entry.action);
  if (entry.space)
    out.bytes(*entry.space);
  else
    out.null();
  out.text(entry.organisation).text(entry.detail);
  return out.take();
}

Result<AuditEntry> decode_audit_entry(ByteView encoded) {
  if (encoded.size() > kMaxAuditEntryBytes) return std::unexpected(malformed(kWhat));
  CborReader in(encoded);
  const std::size_t fields = in.array(64);
  const std::uint64_t version = in.uint();
  if (!in.failed() && version > kVersion)
    return fail(ErrorCode::unsupported_version, N_("The audit log was written by a newer Beffroi."));
  if (fields != 9 || version != kVersion) return std::unexpected(malformed(kWhat));
  AuditEntry out;
  out.counter = in.uint();
  out.previous = in.fixed<AuditHash>();
  out.time.seconds = in.integer();
  out.actor = in.text(kMaxAuditActorBytes);
  out.action = in.text(kMaxAuditActionBytes);
  if (!in.try_null()) out.space = in.fixed<SpaceId>();
  out.organisation = in.text(kMaxAuditOrganisationBytes);
  out.detail = in.text(kMaxAuditDetailBytes);
  in.leave();
  if (!in.finish() || !is_well_formed(out)) return std::unexpected(malformed(kWhat));
  return out;
}

AuditHash audit_hash(ByteView encoded) { return {crypto::hash256(crypto::labels::audit_entry, encoded)}; }

Result<void> AuditChain::follow(const AuditEntry& entry, const AuditHash& hash) {
  const std::uint64_t expected = head_.counter + 1;
  if (entry.counter != expected || !is_well_formed(entry)) return broken(expected);
  if (knows_previous_ && entry.previous != head_.hash) return broken(expected);
  if (audit_hash(encode_audit_entry(entry)) != hash) return broken(expected);
  head_ = {.counter = expected, .hash = hash};
  knows_previous_ = true;
  return {};
}

}  // namespace beffroi::storage
