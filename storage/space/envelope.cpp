#include "storage/space/envelope.h"

#include "storage/format/types.h"

namespace beffroi::storage {
namespace {

Bytes signed_message(ByteView clear) {
  Bytes out;
  out.reserve(1 + clear.size());
  out.push_back(kFormatSuite);
  out.insert(out.end(), clear.begin(), clear.end());
  return out;
}

}  // namespace

Error written_by_newer(const std::string& what) {
  return {ErrorCode::unsupported_version,
          N_("A {} was written by a newer version of Beffroi. Update Beffroi on this computer."),
          {what}};
}

Bytes sign_envelope(const crypto::Label& label, ByteView clear, const crypto::SigningKeyPair& signer) {
  const crypto::Signature signature = crypto::sign(label, signer, signed_message(clear));
  return CborWriter().array(3).uint(kFormatSuite).bytes(clear).bytes(signature).take();
}

Result<Envelope> parse_envelope(ByteView encoded, std::size_t max_bytes, const std::string& what) {
  if (encoded.size() > max_bytes) return std::unexpected(malformed(what));
  CborReader in(encoded);
  const std::size_t items = in.array();
  const std::uint64_t suite = in.uint();
  // A later suite may have other fields: say so before they are looked at.
  if (!in.failed() && items > 0 && suite > kFormatSuite) return std::unexpected(written_by_newer(what));
  if (items != 3 || suite != kFormatSuite) in.reject();
  Envelope out;
  out.clear = in.bytes();
  out.signature = in.fixed<crypto::Signature>();
  in.leave();
  if (!in.finish()) return std::unexpected(malformed(what));
  return out;
}

bool verify_envelope(const crypto::Label& label, const Envelope& envelope, const crypto::SigningPublicKey& signer) {
  return crypto::verify(label, signer, signed_message(envelope.clear), envelope.signature);
}

}  // namespace beffroi::storage
