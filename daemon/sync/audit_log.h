// The peer's audit log: append-only and hash-chained, in Table::state under "peer/audit/" ‖ be64 counter. Its entries
// (storage/space/audit_entry.h) say who did what and when, and nothing of what a space holds.
//
// How much it is: about 240 bytes an entry. One start and stop each, and for every snapshot of a device one receipt:
// 500 communes that back up twice a day write about 90 MB a year. What is refused is bounded by RefusalLimit (below 85
// MB a year under a lasting attack), all else by the objects, records and operator's acts that it tells of. Entries
// belong to the operator: nothing here deletes one, and neither does garbage collection or the erasure of a tenant.
#pragma once

#include <mutex>

#include "daemon/service/clock.h"
#include "daemon/sync/refusal_limit.h"
#include "storage/space/audit_entry.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// What an operator is called who is not known better.
inline constexpr const char* kOperator = "operator";
/// What the peer did by itself.
inline constexpr const char* kPeerActor = "peer";
/// "device <first 16 digits of its id>"
std::string device_actor(const storage::DeviceId& device);

/// Texts of any length and content: they are cut and cleaned (storage::audit_text).
struct AuditEvent {
  storage::AuditAction action;
  std::string actor;
  std::optional<storage::SpaceId> space;
  std::string organisation;
  std::string detail;
};

struct StoredAuditEntry {
  storage::AuditEntry entry;
  storage::AuditHash hash;
};

/// Thread-safe; each call but open() may wait for the disk, so none on the protocol thread. References outlive it.
class AuditLog {
 public:
  /// Reads the head back; an entry that is damaged does not keep the peer from starting: whoever verifies the log finds
  /// it.
  static Result<std::unique_ptr<AuditLog>> open(storage::Database& database, Clock& clock);

  /// Appends an entry, or only counts it when it is `refused` and RefusalLimit says so. Never forks the chain, also not
  /// after a full disk. An error: the entry may be there or not, and the chain goes on rightly from what is there.
  /// Called after the act: a crash between both loses the entry; what can't be undone says so before, synced.
  Result<void> add(const AuditEvent& event, storage::Durability durability = storage::Durability::buffered);
  /// add() for acts that are done whether they are written down or not: an error is logged.
  void note(const AuditEvent& event);
  /// Writes down how many refusals were only counted, when their hour is over (or now: at a stop). Once a minute.
  Result<void> close_hour(bool now = false);

  /// Entries from number `from` on, in order, at most `max`. corrupt, naming the number, when one can't be read.
  Result<std::vector<StoredAuditEntry>> read(std::uint64_t from, std::size_t max) const;
  storage::AuditHead head() const;

 private:
  AuditLog(storage::Database& database, Clock& clock) : database_(database), clock_(clock) {}
  Result<void> read_head();
  Result<void> append(const AuditEvent& event, storage::Durability durability);
  Result<void> write_left_out(std::uint64_t left_out);

  storage::Database& database_;
  Clock& clock_;
  mutable std::mutex mutex_;  ///< the members below, writing included
  std::uint64_t reopenings_ = 0;
  storage::AuditHead head_;
  RefusalLimit refusals_;
};

}  // namespace beffroi::daemon
