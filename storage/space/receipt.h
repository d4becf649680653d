// A receipt: the peer's signature that a commit is complete and durable there. Receipts of a space form a chain.
// Encoded as CBOR [suite, clear bytes, signature], where the clear part is CBOR [space id, counter, previous receipt id
// or null, commit id, log head, peer's time]. The signature covers suite ‖ clear bytes under label sign_receipt. The
// first receipt after a declared loss (loss.h) names the declaration in the place of the receipt before it.
#pragma once

#include "storage/format/types.h"

namespace beffroi::storage {

/// What a station knows of a peer: from the invitation, the FILE.peer sheet or a home record.
struct PeerPublic {
  crypto::TransportPublicKey transport;
  crypto::SigningPublicKey sign;
  bool operator==(const PeerPublic&) const = default;
};

struct Receipt {
  ReceiptId id;  ///< hash of the encoded receipt (label receipt_id)
  SpaceId space;
  std::uint64_t counter = 0;          ///< the first is 1
  std::optional<ReceiptId> previous;  ///< nullopt for the first only
  CommitId commit;
  RecordId log_head;
  UnixTime peer_time;
  crypto::Signature signature;
};

/// Encodes and signs; fills id and signature. Preconditions (asserted): a counter, and a previous one but for the
/// first.
Bytes make_receipt(Receipt& receipt, const crypto::SigningKeyPair& peer);
/// Parses and verifies. ErrorCode::corrupt for a wrong signature or malformed bytes, unsupported_version for a later
/// suite. Whether it follows the receipts known so far is the caller's business.
Result<Receipt> decode_receipt(ByteView encoded, const crypto::SigningPublicKey& peer);
/// The same for bytes that were verified before they were stored: the signature is not checked.
Result<Receipt> parse_receipt(ByteView encoded);

}  // namespace beffroi::storage
