// The small things that a station remembers across restarts, beside its vault: when it last backed up, how that went,
// whether the peer answered. Each is one key of Table::state, versioned CBOR, written through to disk.
#pragma once

#include "daemon/service/schedule.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

inline constexpr std::size_t kMaxKitFiles = 16;

/// How the last backup ended.
struct LastBackup {
  std::string snapshot;  ///< hexadecimal id; empty when it failed
  storage::UnixTime time;
  bool partial = false;  ///< some files could not be read
  std::optional<Error> error;
};

/// What is known of the peer from the last try.
struct PeerContact {
  std::optional<bool> reachable;  ///< nullopt: not tried yet
  std::optional<Error> error;     ///< of the last try
  std::optional<storage::UnixTime> last_contact;
};

/// Nightly audits of the peer that ended without its answers, or did not end, in a row.
struct AuditMemory {
  std::uint32_t unanswered = 0;
  std::optional<storage::UnixTime> since;  ///< when the first of them began
};

/// Collections by the station itself that failed, in a row.
struct CollectionMemory {
  std::uint32_t failures = 0;
  std::optional<storage::UnixTime> last_attempt;  ///< nullopt: none since the last that succeeded
  std::optional<Error> error;                     ///< of the last one
};

/// Thread-safe. What can't be read counts as never written: none of it is worth refusing to start for. Failing writes
/// are logged only, for the same reason.
class StationState {
 public:
  explicit StationState(storage::Database& database) : database_(database) {}

  ScheduleMemory schedule() const;
  void set_schedule(const ScheduleMemory& memory);
  std::optional<LastBackup> last_backup() const;
  void set_last_backup(const LastBackup& backup);
  PeerContact contact() const;
  void set_contact(const PeerContact& contact);
  AuditMemory audits() const;
  void set_audits(const AuditMemory& memory);
  CollectionMemory collections() const;
  void set_collections(const CollectionMemory& memory);
  /// Files on this machine that hold the kit's words, the sheet that `init` wrote first: the status warns while they
  /// are still there. At most kMaxKitFiles: the newest then take the place of the last.
  std::vector<std::string> kit_files() const;
  void add_kit_file(const std::string& path);
  /// When this station got its vault; nullopt before.
  std::optional<storage::UnixTime> founded_at() const;
  void set_founded_at(storage::UnixTime time);
  /// When this station joined its peer, or was recovered from it.
  std::optional<storage::UnixTime> joined_at() const;
  void set_joined_at(storage::UnixTime time);
  /// Bytes per second that the line to the peer was last measured to carry.
  std::optional<std::uint64_t> line_speed() const;
  void set_line_speed(std::uint64_t bytes_per_second);
  /// A recovery has founded the vault but not fetched all trees yet.
  bool trees_missing() const;
  void set_trees_missing(bool missing);
  /// Of how many losses that the peer declared this station has seen which trees to fetch again.
  std::uint64_t seen_losses() const;
  void set_seen_losses(std::uint64_t count);
  /// How many of them were made good.
  std::uint64_t settled_losses() const;
  void set_settled_losses(std::uint64_t count);

 private:
  std::optional<Bytes> load(std::string_view key) const;
  void save(std::string_view key, ByteView value);
  std::optional<std::uint64_t> load_number(std::string_view key) const;
  void save_number(std::string_view key, std::uint64_t number);
  std::optional<storage::UnixTime> load_time(std::string_view key) const;
  void save_time(std::string_view key, storage::UnixTime time);
  storage::Database& database_;
};

}  // namespace beffroi::daemon
