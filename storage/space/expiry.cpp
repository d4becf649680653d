#include "storage/space/expiry.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

const char* const kWhat = N_("record of expired snapshots");

bool is_well_formed(const Expiry& expiry) {
  const auto& gone = expiry.gone;
  return expiry.counter > 0 && (expiry.previous || expiry.counter == 1) && !gone.empty() &&
         gone.size() <= kMaxExpiredCommits &&
         std::ranges::adjacent_find(gone, std::greater_equal<>(), &Expiry::Gone::commit) == gone.end();
}

Bytes encode_clear(const Expiry& expiry) {
  CborWriter out;
  out.array(6).bytes(expiry.space).uint(expiry.counter);
  if (expiry.previous)
    out.bytes(*expiry.previous);
  else
    out.null();
  out.integer(expiry.as_of.seconds).bytes(expiry.log_head).array(expiry.gone.size());
  for (const Expiry::Gone& gone : expiry.gone) {
    out.array(2).bytes(gone.commit);
    if (gone.deletion)
      out.bytes(*gone.deletion);
    else
      out.uint(0);
  }
  return out.take();
}

Expiry::Gone read_gone(CborReader& in) {
  in.array_of(2);
  Expiry::Gone out{.commit = in.fixed<CommitId>(), .deletion = {}};
  const ByteView cause = in.encoded();
  in.leave();
  if (cause.size() == 1 && cause.front() == 0) return out;
  CborReader id(cause);
  out.deletion = id.fixed<RecordId>();
  if (!id.finish()) in.reject();
  return out;
}

Result<Expiry> decode_clear(ByteView clear) {
  CborReader in(clear);
  Expiry out;
  in.array_of(6);
  out.space = in.fixed<SpaceId>();
  out.counter = in.uint();
  if (!in.try_null()) out.previous = in.fixed<ExpiryId>();
  out.as_of.seconds = in.integer();
  out.log_head = in.fixed<RecordId>();
  out.gone.resize(in.array(kMaxExpiredCommits));
  for (Expiry::Gone& gone : out.gone) gone = read_gone(in);
  in.leave();
  in.leave();
  if (!in.finish() || !is_well_formed(out)) return std::unexpected(malformed(kWhat));
  return out;
}

ExpiryId expiry_id(ByteView encoded) { return {crypto::hash256(crypto::labels::expiry_id, encoded)}; }

}  // namespace

Bytes make_expiry(Expiry& expiry, const crypto::SigningKeyPair& peer) {
  BEFFROI_ASSERT(is_well_formed(expiry));
  Bytes encoded = sign_envelope(crypto::labels::sign_expiry, encode_clear(expiry), peer);
  const auto envelope = parse_envelope(encoded, kMaxExpiryBytes, kWhat);
  BEFFROI_ASSERT(envelope.has_value());
  expiry.signature = envelope->signature;
  expiry.id = expiry_id(encoded);
  return encoded;
}

Result<Expiry> decode_expiry(ByteView encoded, const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxExpiryBytes, kWhat));
  if (!verify_envelope(crypto::labels::sign_expiry, envelope, peer))
    return fail(ErrorCode::corrupt,
                N_("A record of expired snapshots does not bear the signature of this vault's peer."));
  BEFFROI_TRY(Expiry out, decode_clear(envelope.clear));
  out.id = expiry_id(encoded);
  out.signature = envelope.signature;
  return out;
}

}  // namespace beffroi::storage
