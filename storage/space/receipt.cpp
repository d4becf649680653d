#include "storage/space/receipt.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

const char* const kWhat = N_("receipt");

Bytes encode_clear(const Receipt& receipt) {
  CborWriter out;
  out.array(6).bytes(receipt.space).uint(receipt.counter);
  if (receipt.previous)
    out.bytes(*receipt.previous);
  else
    out.null();
  out.bytes(receipt.commit).bytes(receipt.log_head).integer(receipt.peer_time.seconds);
  return out.take();
}

Result<Receipt> decode_clear(ByteView clear) {
  CborReader in(clear);
  Receipt out;
  in.array_of(6);
  out.space = in.fixed<SpaceId>();
  out.counter = in.uint();
  if (!in.try_null()) out.previous = in.fixed<ReceiptId>();
  out.commit = in.fixed<CommitId>();
  out.log_head = in.fixed<RecordId>();
  out.peer_time.seconds = in.integer();
  in.leave();
  if (out.counter == 0 || (!out.previous && out.counter > 1)) in.reject();
  if (!in.finish()) return std::unexpected(malformed(kWhat));
  return out;
}

ReceiptId receipt_id(ByteView encoded) { return {crypto::hash256(crypto::labels::receipt_id, encoded)}; }

Result<Receipt> to_receipt(const Envelope& envelope, ByteView encoded) {
  BEFFROI_TRY(Receipt out, decode_clear(envelope.clear));
  out.id = receipt_id(encoded);
  out.signature = envelope.signature;
  return out;
}

}  // namespace

Bytes make_receipt(Receipt& receipt, const crypto::SigningKeyPair& peer) {
  BEFFROI_ASSERT(receipt.counter > 0 && (receipt.previous || receipt.counter == 1));
  Bytes encoded = sign_envelope(crypto::labels::sign_receipt, encode_clear(receipt), peer);
  const auto signature = parse_envelope(encoded, kMaxReceiptBytes, kWhat);
  BEFFROI_ASSERT(signature.has_value());
  receipt.signature = signature->signature;
  receipt.id = receipt_id(encoded);
  return encoded;
}

Result<Receipt> decode_receipt(ByteView encoded, const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxReceiptBytes, kWhat));
  if (!verify_envelope(crypto::labels::sign_receipt, envelope, peer))
    return fail(ErrorCode::corrupt, N_("A receipt does not bear the signature of this vault's peer."));
  return to_receipt(envelope, encoded);
}

Result<Receipt> parse_receipt(ByteView encoded) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxReceiptBytes, kWhat));
  return to_receipt(envelope, encoded);
}

}  // namespace beffroi::storage
