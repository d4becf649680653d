#include "storage/space/record.h"

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/space/envelope.h"
#include "storage/space/record_body.h"

namespace beffroi::storage {
namespace {

const char* const kWhat = N_("log record");
constexpr std::uint64_t kGenesisType = 1;

// The fields before the body, as they stand in the clear part.
struct RecordHead {
  ByteView space;
  std::uint64_t sequence = 0;
  ByteView previous;
  std::uint64_t type = 0;
  crypto::SigningPublicKey signer;
  UnixTime clock;
};

RecordHead read_head(CborReader& in) {
  RecordHead out;
  in.array_of(7);
  out.space = in.bytes(SpaceId::size_bytes);
  out.sequence = in.uint();
  out.previous = in.bytes(RecordId::size_bytes);
  out.type = in.uint();
  out.signer = in.fixed<crypto::SigningPublicKey>();
  out.clock.seconds = in.integer();
  const bool genesis = out.type == kGenesisType;
  if (out.type == 0 || genesis != (out.sequence == 0)) in.reject();
  if (out.space.size() != (genesis ? 0 : SpaceId::size_bytes)) in.reject();
  if (out.previous.size() != (genesis ? 0 : RecordId::size_bytes)) in.reject();
  return out;
}

bool bears_signature(const Envelope& envelope, const crypto::SigningPublicKey& signer) {
  return verify_envelope(crypto::labels::sign_record, envelope, signer);
}

Record to_record(const RecordHead& head, ByteView encoded, RecordBody body) {
  Record out;
  out.id = {crypto::hash256(crypto::labels::record_id, encoded)};
  const bool genesis = head.type == kGenesisType;
  out.space = genesis ? SpaceId{out.id.data} : *SpaceId::from(head.space);
  if (!genesis) out.previous = *RecordId::from(head.previous);
  out.sequence = head.sequence;
  out.signer = head.signer;
  out.clock = head.clock;
  out.body = std::move(body);
  return out;
}

}  // namespace

const char* role_name(Role role) {
  switch (role) {
    case Role::manager:
      return "manager";
    case Role::writer:
      return "writer";
    case Role::reader:
      return "reader";
    case Role::depositor:
      return "depositor";
  }
  assertion_failed("a Role has a name", __FILE__, __LINE__);
}

Bytes make_record(const Record* previous, const SpaceId& space, const RecordBody& body, UnixTime clock,
                  const crypto::SigningKeyPair& signer) {
  const bool genesis = previous == nullptr;
  BEFFROI_ASSERT(genesis == std::holds_alternative<GenesisBody>(body));
  CborWriter clear;
  clear.array(7).bytes(genesis ? ByteView{} : space.view()).uint(genesis ? 0 : previous->sequence + 1);
  clear.bytes(genesis ? ByteView{} : previous->id.view()).uint(body.index() + 1);
  clear.bytes(signer.public_key).integer(clock.seconds);
  write_record_body(clear, body);
  Bytes encoded = sign_envelope(crypto::labels::sign_record, clear.take(), signer);
  BEFFROI_ASSERT(decode_record(encoded).has_value());
  return encoded;
}

const char* record_type_name(const RecordBody& body) {
  static constexpr std::array kNames = {"genesis", "member",   "device",   "removal",  "epoch",  "retention", "pin",
                                        "home",    "recovery", "handover", "deletion", "cancel", "settings"};
  static_assert(kNames.size() == std::variant_size_v<RecordBody>);
  return kNames.at(body.index());
}

Result<Record> decode_record(ByteView encoded) {
  BEFFROI_TRY(const Envelope envelope, parse_envelope(encoded, kMaxRecordBytes, kWhat));
  CborReader in(envelope.clear);
  const RecordHead head = read_head(in);
  if (in.failed()) return std::unexpected(malformed(kWhat));
  // Before the body is looked at: damaged bytes are not to be taken for those of a newer version.
  if (!bears_signature(envelope, head.signer))
    return fail(ErrorCode::corrupt, N_("A log record does not bear the signature of the key that it names."));
  BodyDecoding decoding{in};
  auto body = read_record_body(decoding, head.type);
  if (!body || (decoding.newer && !in.failed())) return std::unexpected(written_by_newer(kWhat));
  in.leave();
  if (!in.finish()) return std::unexpected(malformed(kWhat));
  return to_record(head, encoded, std::move(*body));
}

}  // namespace beffroi::storage
