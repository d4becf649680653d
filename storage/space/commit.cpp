#include "storage/space/commit.h"

#include "crypto/assert.h"
#include "storage/format/cbor.h"
#include "storage/space/commit_sealed.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

const char* const kWhat = N_("commit");

bool is_well_formed(const CommitClear& clear) {
  const auto& parents = clear.parents;
  return clear.sequence > 0 && clear.epoch.value > 0 && parents.size() <= kMaxParents &&
         std::adjacent_find(parents.begin(), parents.end(), std::greater_equal<>()) == parents.end() &&
         (clear.sequence == 1 || !parents.empty());
}

Bytes encode_clear(const CommitClear& clear) {
  CborWriter out;
  out.array(10).bytes(clear.space).bytes(clear.device).uint(clear.sequence).array(clear.parents.size());
  for (const CommitId& parent : clear.parents) out.bytes(parent);
  out.bytes(clear.root).uint(clear.epoch.value).bytes(clear.log_head);
  if (clear.last_receipt)
    out.bytes(*clear.last_receipt);
  else
    out.null();
  return out.integer(clear.clock.seconds).uint(clear.flags).take();
}

Result<CommitClear> decode_clear(ByteView bytes) {
  CborReader in(bytes);
  CommitClear out;
  in.array_of(10);
  out.space = in.fixed<SpaceId>();
  out.device = in.fixed<DeviceId>();
  out.sequence = in.uint();
  out.parents.resize(in.array(kMaxParents));
  for (CommitId& parent : out.parents) parent = in.fixed<CommitId>();
  in.leave();
  out.root = in.fixed<ObjectId>();
  out.epoch.value = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.log_head = in.fixed<RecordId>();
  if (!in.try_null()) out.last_receipt = in.fixed<ReceiptId>();
  out.clock.seconds = in.integer();
  out.flags = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  in.leave();
  if (!in.finish() || !is_well_formed(out)) return std::unexpected(malformed(kWhat));
  if ((out.flags & ~kCommitFlags) != 0) return std::unexpected(written_by_newer(kWhat));
  return out;
}

Bytes signed_message(const SpaceId& space, ByteView clear, ByteView sealed) {
  Bytes out{kFormatSuite};
  const crypto::Hash256 clear_hash = crypto::hash256(labels::part_hash, clear);
  const crypto::Hash256 sealed_hash = crypto::hash256(labels::part_hash, sealed);
  for (const ByteView part : {space.view(), ByteView(clear_hash), ByteView(sealed_hash)})
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

CommitId commit_id(ByteView clear, ByteView sealed) {
  return {crypto::Hasher(labels::commit_id).update_field(clear).update_field(sealed).finish()};
}

}  // namespace

Bytes make_commit(const CommitClear& clear, const CommitSealed& sealed, const EpochKeys& keys,
                  const crypto::SigningKeyPair& device) {
  BEFFROI_ASSERT(is_well_formed(clear) && (clear.flags & ~kCommitFlags) == 0 && keys.epoch() == clear.epoch);
  const Bytes clear_bytes = encode_clear(clear);
  const Bytes sealed_bytes = crypto::seal(keys.commit_keys(), clear_bytes, encode_commit_sealed(sealed));
  const crypto::Signature signature =
      crypto::sign(labels::sign_commit, device, signed_message(clear.space, clear_bytes, sealed_bytes));
  Bytes out = CborWriter().array(4).uint(kFormatSuite).bytes(clear_bytes).bytes(sealed_bytes).bytes(signature).take();
  BEFFROI_ASSERT(out.size() <= kMaxCommitBytes);
  return out;
}

Result<Commit> decode_commit(ByteView encoded) {
  if (encoded.size() > kMaxCommitBytes) return std::unexpected(malformed(kWhat));
  CborReader in(encoded);
  const std::size_t items = in.array();
  const std::uint64_t suite = in.uint();
  if (!in.failed() && items > 0 && suite > kFormatSuite) return std::unexpected(written_by_newer(kWhat));
  if (items != 4 || suite != kFormatSuite) in.reject();
  Commit out;
  out.clear_bytes = to_bytes(in.bytes());
  out.sealed_bytes = to_bytes(in.bytes());
  out.signature = in.fixed<crypto::Signature>();
  in.leave();
  if (!in.finish()) return std::unexpected(malformed(kWhat));
  BEFFROI_TRY(out.clear, decode_clear(out.clear_bytes));
  out.id = commit_id(out.clear_bytes, out.sealed_bytes);
  return out;
}

bool verify_commit(const Commit& commit, const crypto::SigningPublicKey& device) {
  return crypto::verify(labels::sign_commit, device,
                        signed_message(commit.clear.space, commit.clear_bytes, commit.sealed_bytes), commit.signature);
}

Result<CommitSealed> open_commit(const Commit& commit, const EpochKeys& keys) {
  if (keys.epoch() != commit.clear.epoch)
    return fail(ErrorCode::corrupt, N_("The description of snapshot {} was sealed in epoch {}, not {}."),
                commit.id.hex(), std::to_string(commit.clear.epoch.value), std::to_string(keys.epoch().value));
  auto plaintext = crypto::open(keys.commit_keys(), commit.clear_bytes, commit.sealed_bytes);
  if (!plaintext)
    return fail(ErrorCode::corrupt, N_("The description of snapshot {} is damaged or does not belong to it."),
                commit.id.hex());
  return decode_commit_sealed(*plaintext);
}

}  // namespace beffroi::storage
