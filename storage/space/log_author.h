// What the ceremonies are made of: a log with the records that one signer adds to it, and the epoch that follows in it.
// Internal to storage/space.
#pragma once

#include "storage/space/ceremony.h"

namespace beffroi::storage {

/// Each record is verified as everybody else will verify it. Keeps a reference to `signer`.
class LogAuthor {
 public:
  LogAuthor(SpaceLog log, const crypto::SigningKeyPair& signer, UnixTime clock)
      : log_(std::move(log)), signer_(signer), clock_(clock) {}

  /// The log's reasons when it does not take the record; then nothing was added.
  Result<void> add(const RecordBody& body);
  const SpaceLog& log() const { return log_; }
  /// The encoded records that were added, in order.
  std::vector<Bytes> take() { return std::move(added_); }

 private:
  SpaceLog log_;
  const crypto::SigningKeyPair& signer_;
  UnixTime clock_;
  std::vector<Bytes> added_;
};

/// Where a device's branch ends when it loses its right to write: at none of its commits when `ends` does not name it.
LastCommit last_commit_of(const DeviceId& device, const std::map<DeviceId, BranchEnd>& ends);

/// What an epoch's shared part says beside keys. Borrowed.
struct EpochWords {
  const PresharedTable& preshared;
  const std::string& space_name;
  const SpaceNames& names;
};
/// The epoch that follows in `log`, for everybody entitled, with all keys that `access` can hand on (nullptr: it is the
/// first). Content keys stay where the log lets them, and of the names those in use. wrong_state: a pre-shared secret
/// is missing (epoch_recipients).
Result<EpochBody> next_epoch(const SpaceLog& log, const SpaceAccess* access, const EpochWords& words,
                             crypto::Random& random);

}  // namespace beffroi::storage
