#include "storage/space/loss.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/space/audit_entry.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

const char* const kWhat = N_("declaration of a loss");

template <class Id>
bool is_sound(const ChainLoss<Id>& chain) {
  const auto is_end = [](const ChainEnd<Id>& end) { return end.id.has_value() == (end.counter > 0); };
  if (!is_end(chain.kept) || !is_end(chain.head) || chain.kept.counter > chain.head.counter) return false;
  return chain.kept.counter < chain.head.counter || chain.kept == chain.head;
}

bool is_well_formed(const Loss& loss) {
  return loss.counter > 0 && loss.previous.has_value() == (loss.counter > 1) && loss.since <= loss.declared &&
         is_sound(loss.receipts) && is_sound(loss.expiries) && is_loss_reason(loss.reason);
}

template <class Id>
void write_optional(CborWriter& out, const std::optional<Id>& id) {
  if (id)
    out.bytes(*id);
  else
    out.null();
}

template <class Id>
std::optional<Id> read_optional(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return in.fixed<Id>();
}

template <class Id>
void write_chain(CborWriter& out, const ChainLoss<Id>& chain) {
  out.array(4);
  for (const ChainEnd<Id>* end : {&chain.kept, &chain.head}) {
    out.uint(end->counter);
    write_optional(out, end->id);
  }
}

template <class Id>
ChainLoss<Id> read_chain(CborReader& in) {
  ChainLoss<Id> out;
  in.array_of(4);
  for (ChainEnd<Id>* end : {&out.kept, &out.head}) {
    end->counter = in.uint();
    end->id = read_optional<Id>(in);
  }
  in.leave();
  return out;
}

Bytes encode_clear(const Loss& loss) {
  CborWriter out;
  out.array(8).bytes(loss.space).uint(loss.counter);
  write_optional(out, loss.previous);
  out.integer(loss.declared.seconds).integer(loss.since.seconds);
  write_chain(out, loss.receipts);
  write_chain(out, loss.expiries);
  out.bytes(as_bytes(loss.reason));
  return out.take();
}

Result<Loss> decode_clear(ByteView clear) {
  CborReader in(clear);
  Loss out;
  in.array_of(8);
  out.space = in.fixed<SpaceId>();
  out.counter = in.uint();
  out.previous = read_optional<LossId>(in);
  out.declared.seconds = in.integer();
  out.since.seconds = in.integer();
  out.receipts = read_chain<ReceiptId>(in);
  out.expiries = read_chain<ExpiryId>(in);
  out.reason = to_string(in.bytes(kMaxLossReasonBytes));
  in.leave();
  if (!in.finish() || !is_well_formed(out)) return std::unexpected(malformed(kWhat));
  return out;
}

LossId loss_id(ByteView encoded) { return {crypto::hash256(crypto::labels::loss_id, encoded)}; }

Result<Loss> to_loss(const Envelope& envelope, ByteView encoded) {
  BEFFROI_TRY(Loss out, decode_clear(envelope.clear));
  out.id = loss_id(encoded);
  out.signature = envelope.signature;
  return out;
}

}  // namespace

bool is_loss_reason(std::string_view text) { return audit_text(text, kMaxLossReasonBytes) == text; }

Bytes make_loss(Loss& loss, const crypto::SigningKeyPair& peer) {
  BEFFROI_ASSERT(is_well_formed(loss));
  Bytes encoded = sign_envelope(crypto::labels::sign_loss, encode_clear(loss), peer);
  const auto envelope = parse_envelope(encoded, kMaxLossBytes, kWhat);
  BEFFROI_ASSERT(envelope.has_value());
  loss.signature = envelope->signature;
  loss.id = loss_id(encoded);
  return encoded;
}

Result<Loss> decode_loss(ByteView encoded, const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxLossBytes, kWhat));
  if (!verify_envelope(crypto::labels::sign_loss, envelope, peer))
    return fail(ErrorCode::corrupt, N_("A declaration of a loss does not bear the signature of this vault's peer."));
  return to_loss(envelope, encoded);
}

Result<Loss> parse_loss(ByteView encoded) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxLossBytes, kWhat));
  return to_loss(envelope, encoded);
}

}  // namespace beffroi::storage
