// An expiry: the peer's signature that commits have gone, and why. Those of a space form a chain of their own, which
// stations keep and recompute. Encoded as CBOR [suite, clear bytes, signature], where the clear part is CBOR [space id,
// counter, previous expiry id or null, time of the evaluation, log head, [[commit id, cause]…]]; a cause is 0 for the
// space's rules, or the id of the deletion record. The signature covers suite ‖ clear bytes under label sign_expiry.
#pragma once

#include "storage/format/types.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxExpiredCommits = 1024;  ///< in one expiry

struct Expiry {
  struct Gone {
    CommitId commit;
    std::optional<RecordId> deletion;  ///< nullopt: no rule kept it (retention.h)
    bool operator==(const Gone&) const = default;
  };

  ExpiryId id;  ///< hash of the encoded expiry (label expiry_id)
  SpaceId space;
  std::uint64_t counter = 0;         ///< the first is 1
  std::optional<ExpiryId> previous;  ///< nullopt for the first only; after a declared loss (loss.h) its id
  UnixTime as_of;                    ///< the peer's clock when it decided: `now` of evaluate_retention
  RecordId log_head;                 ///< of the log that it decided by
  std::vector<Gone> gone;            ///< ascending by commit, 1 to kMaxExpiredCommits
  crypto::Signature signature;
};

/// Encodes and signs; fills id and signature. Preconditions (asserted): a counter, and a previous one but for the
/// first; `gone` keeps its order and bounds.
Bytes make_expiry(Expiry& expiry, const crypto::SigningKeyPair& peer);
/// Parses and verifies. ErrorCode::corrupt for a wrong signature or malformed bytes, unsupported_version for a later
/// suite. Whether it follows the expiries known so far, and whether the rules agree, is the caller's business.
Result<Expiry> decode_expiry(ByteView encoded, const crypto::SigningPublicKey& peer);

}  // namespace beffroi::storage
