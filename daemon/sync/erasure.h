// The end of an organisation at a peer: all that it stored goes, and a record of what that was stays.
#pragma once

#include "daemon/sync/organisation.h"
#include "storage/store/object_store.h"

namespace beffroi::daemon {

struct ErasedSpace {
  storage::SpaceId space{};
  storage::UnixTime enrolled{};
  std::vector<crypto::DeviceId> devices{};  ///< of its log, removed ones too; none when the log could not be read
  std::uint64_t objects = 0;
  std::uint64_t sealed_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t newest_receipt = 0;  ///< its counter
};

struct Erasure {
  OrganisationId organisation;
  OrganisationState was;
  storage::UnixTime when;
  std::string by;  ///< the operator's account at the peer
  std::vector<ErasedSpace> spaces;
};

/// "peer/erasing/" ‖ organisation → the record. Durable when it returns: from then on finish_erasure() is owed, also
/// after a crash.
Result<void> begin_erasure(storage::Database& database, const Erasure& erasure);
/// Forgets one that was begun, or may have been: a write that had failed on a full disk may turn out to be done.
/// Durable.
Result<void> call_off_erasure(storage::Database& database, const OrganisationId& organisation);
Result<std::vector<Erasure>> unfinished_erasures(const storage::Database& database);
/// Removes the spaces, invitations and organisation, and puts the record to the others; durable when it returns. Again
/// after a crash or an error: what is gone already stays so. Nobody may be writing to these spaces.
Result<void> finish_erasure(storage::Database& database, storage::ObjectStore& objects, const Erasure& erasure);
/// "peer/erased/" ‖ be64 time ‖ organisation → the record: [1, name, contact, created, suspended since | null, reason,
/// erased, by, [[space, enrolled, [device…], objects, sealed bytes, commits, newest receipt]…]]. Oldest first.
Result<std::vector<Erasure>> load_erasures(const storage::Database& database);

}  // namespace beffroi::daemon
