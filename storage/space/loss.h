// A declared loss: the peer's signature that it was restored from an older state, and may lack what it has received
// since a time. Those of a space form a chain; which stations hold against what they have (docs/format.md, "Loss").
// Encoded as CBOR [suite, clear bytes, signature], where the clear part is CBOR [space id, counter, previous loss id or
// null, when declared, since when, receipts, expiries, reason]; receipts and expiries are [number, id or null, number,
// id or null]: the last one that is older than "since", and the last one that the peer has. The signature covers suite
// ‖ clear bytes under label sign_loss.
#pragma once

#include "storage/format/types.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxLossReasonBytes = 255;
inline constexpr std::size_t kMaxLossBytes = 1024;  ///< encoded
inline constexpr std::size_t kMaxLosses = 64;       ///< of one space

/// Hash of a loss, signature included.
using LossId = FixedBytes<32, struct LossIdTag>;

/// An end of a chain of receipts or expiries: its last one; 0 and none before the first.
template <class Id>
struct ChainEnd {
  std::uint64_t counter = 0;
  std::optional<Id> id;
  bool operator==(const ChainEnd&) const = default;
};

/// What a loss means for one of these chains.
template <class Id>
struct ChainLoss {
  ChainEnd<Id> kept;  ///< up to here nothing is lost
  ChainEnd<Id> head;  ///< what the peer has; whatever comes next names the loss as its previous one
  bool operator==(const ChainLoss&) const = default;
};

struct Loss {
  LossId id;  ///< hash of the encoded loss (label loss_id)
  SpaceId space;
  std::uint64_t counter = 0;       ///< the first is 1
  std::optional<LossId> previous;  ///< nullopt for the first
  UnixTime declared;               ///< by the peer's clock
  UnixTime since;                  ///< what it signed before this is not lost; not after `declared`
  ChainLoss<ReceiptId> receipts;
  ChainLoss<ExpiryId> expiries;
  std::string reason;  ///< the operator's, one line: is_loss_reason()
  crypto::Signature signature;
};

/// UTF-8 without control characters, at most kMaxLossReasonBytes; may be empty.
bool is_loss_reason(std::string_view text);
/// Encodes and signs; fills id and signature. Preconditions (asserted): all of the above.
Bytes make_loss(Loss& loss, const crypto::SigningKeyPair& peer);
/// Parses and verifies. ErrorCode::corrupt for a wrong signature or malformed bytes, unsupported_version for a later
/// suite. Whether it follows what is known so far is the caller's business.
Result<Loss> decode_loss(ByteView encoded, const crypto::SigningPublicKey& peer);
/// The same for bytes that were verified before they were stored: the signature is not checked.
Result<Loss> parse_loss(ByteView encoded);

}  // namespace beffroi::storage
