// What the peer gave back after a loss, read and verified against the kit before anything is signed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "storage/space/ceremony.h"
#include "storage/space/receipt.h"

namespace beffroi::client {

/// The answer, verified.
struct RecoveryMaterial {
  storage::SpaceLog log;
  std::map<storage::DeviceId, storage::BranchEnd> heads;
  storage::DeviceRequest device;
  storage::PeerPublic peer;
  std::optional<storage::Receipt> newest_receipt;
  bool peer_checked = false;  ///< kit or log named the peer's key
};

/// What the kit says.
struct RecoveryExpectation {
  std::optional<storage::SpaceId> space;
  std::optional<crypto::TransportPublicKey> peer;
};

/// Body of POST /v1/recover/begin. Secret: it holds the root's transport seed; the caller wipes it.
Bytes recovery_request(const std::string& address, const RecoveryExpectation& expected, const crypto::DeviceKeys& root);

/// Decodes and verifies: the log from its genesis (which must be the kit's space), that this root is the log's, every
/// head's signature and right to stand, the receipt's signature, and the peer's key against kit or log.
/// ErrorCode::corrupt: the peer gave what does not hold together; refused: the kit is of another space; protocol: the
/// answer is malformed.
Result<RecoveryMaterial> read_recovery_material(ByteView answer, const RecoveryExpectation& expected,
                                                const crypto::DevicePublic& root);

}  // namespace beffroi::client
