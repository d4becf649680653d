// Entries of a peer's audit log: who did what and when, without any content. A hash chain: each entry holds the hash of
// the one before it, so that none can be changed, left out or put in without every later hash changing. The chain alone
// proves nothing against somebody who can write the whole log anew: for that, a hash must have been noted elsewhere.
// Encoded as CBOR [1, counter, previous hash, time, actor, action, space id | null, organisation, detail], the texts
// as text strings. docs/format.md, "The audit log".
#pragma once

#include "storage/format/types.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxAuditActorBytes = 96;
inline constexpr std::size_t kMaxAuditActionBytes = 32;
inline constexpr std::size_t kMaxAuditOrganisationBytes = 255;
inline constexpr std::size_t kMaxAuditDetailBytes = 512;
inline constexpr std::int64_t kMaxAuditTimeSeconds = 253'402'300'799;  ///< the end of the year 9999
/// Of an encoded entry.
inline constexpr std::size_t kMaxAuditEntryBytes = 1024;

/// BLAKE2b-256 over an encoded entry (label audit_entry).
using AuditHash = FixedBytes<32, struct AuditHashTag>;

/// All that is written down. An entry holds the name, so that a later version's actions can be read and verified too.
enum class AuditAction : std::uint8_t {
  invite,
  revoke,              ///< an invitation taken back
  enrol,               ///< a space, with an invitation
  record,              ///< appended to a space's log
  receipt,             ///< given for a commit
  expire,              ///< commits, by the retention rules
  deletion_requested,  ///< waits for its lock
  deletion_cancelled,  ///< taken back in time
  deletion_done,       ///< after its lock
  collect,             ///< objects that nothing needs any more
  scrub,               ///< a round of reading everything has ended
  damaged,             ///< an object, found so and quarantined
  healed,              ///< objects, sent again
  suspend,             ///< a tenant
  resume,              ///< a tenant
  change,              ///< of a tenant's name or quota
  erase,               ///< a tenant and all it had
  clock_held,          ///< the machine's clock is not believed
  clock_released,      ///< it is believed again
  declare_loss,        ///< this peer was restored from an older state
  join_request,        ///< left with an invitation to a share
  refused,             ///< somebody tried what is not allowed
  start,               ///< of the peer
  stop,                ///< of the peer
};
/// "invite", "deletion_requested"…
const char* audit_action_name(AuditAction action);

struct AuditEntry {
  std::uint64_t counter = 0;  ///< from 1, without gaps
  AuditHash previous;         ///< of the entry before; zero for the first
  UnixTime time;              ///< by the peer's clock
  std::string actor;          ///< "operator jean (1000)", "device <hex16>", "root", "peer"
  std::string action;
  std::optional<SpaceId> space;
  std::string organisation;  ///< the tenant's name, as the operator calls it
  std::string detail;
};

/// The longest beginning of `text` that fits, with control characters, marks that turn the direction of writing, and
/// bytes that are not UTF-8 replaced by '?': what a text of an entry may be.
std::string audit_text(std::string_view text, std::size_t max_bytes);

/// Counter, time (from 1970 on) and texts are such as the log writes.
bool is_well_formed(const AuditEntry& entry);
/// Precondition (asserted): is_well_formed.
Bytes encode_audit_entry(const AuditEntry& entry);
/// ErrorCode::corrupt for anything that encode_audit_entry would not have written; unsupported_version for a later
/// form.
Result<AuditEntry> decode_audit_entry(ByteView encoded);
AuditHash audit_hash(ByteView encoded);

/// The newest entry: who has noted this can tell later whether anything before it was changed.
struct AuditHead {
  std::uint64_t counter = 0;  ///< 0: the log is empty
  AuditHash hash;             ///< zero then
  auto operator<=>(const AuditHead&) const = default;
};

/// Follows a chain from one of its entries on.
class AuditChain {
 public:
  /// Expects the entry number `from` first, whatever hash it names as previous unless it is the first of all.
  explicit AuditChain(std::uint64_t from = 1) : head_{.counter = from - 1, .hash = {}}, knows_previous_(from == 1) {}
  /// ErrorCode::corrupt, naming the number, when this is not the entry that comes next, or does not have that hash.
  Result<void> follow(const AuditEntry& entry, const AuditHash& hash);
  /// The last entry that was right; before any, its hash is zero.
  const AuditHead& head() const { return head_; }

 private:
  AuditHead head_;
  bool knows_previous_;
};

}  // namespace beffroi::storage
