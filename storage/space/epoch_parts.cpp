#include "storage/space/epoch_parts.h"

#include "crypto/assert.h"
#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "storage/format/cbor.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

// Each key seals one message, so the nonce need not vary.
constexpr std::array<std::uint8_t, crypto::kNonceBytes> kZeroNonce{};
// Longest encodings of one item, with CBOR heads.
constexpr std::size_t kPresharedItemBytes = 1 + 34 + 34;
constexpr std::size_t kHandedItemBytes = 1 + 5 + 34 + 34;
constexpr std::size_t kNameItemBytes = 1 + 34 + 2 + kMaxDisplayNameBytes;
constexpr std::size_t kHeadBytes = 16;
// A full table of secrets and all the names that there may be.
static_assert(4 * 34 + kMaxSpaceNameBytes + 2 * kHeadBytes + kMaxBoxes * kPresharedItemBytes +
                  2 * kMaxNames * kNameItemBytes + crypto::kTagBytes <=
              kMaxSharedBytes);

std::unexpected<Error> contradicts(Epoch epoch) {
  return fail(ErrorCode::corrupt, N_("The keys of epoch {} are not those that its log record promises."),
              std::to_string(epoch.value));
}

crypto::SecretBytes read_secret(CborReader& in) {
  const ByteView view = in.bytes(kEpochSecretBytes);
  if (view.size() != kEpochSecretBytes) in.reject();
  return crypto::SecretBytes::copy_of(view);
}

PresharedTable read_preshared(CborReader& in) {
  PresharedTable out;
  const std::size_t count = in.array(kMaxBoxes);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    in.array_of(2);
    const auto recipient = in.fixed<DeviceId>();
    if (!out.empty() && recipient <= out.rbegin()->first) in.reject();
    out.insert_or_assign(recipient, read_secret(in));
    in.leave();
  }
  in.leave();
  return out;
}

SharedPart read_shared(CborReader& in) {
  SharedPart out;
  const std::size_t items = in.array(7);
  if (items < 6) in.reject();
  out.content.generation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.content.boundary = read_secret(in);
  out.content.dedup = read_secret(in);
  out.check = in.fixed<ReaderCheck>();
  out.space_name = to_string(in.bytes(kMaxSpaceNameBytes));
  out.preshared = read_preshared(in);
  if (items == 7) out.names = read_names(in);
  in.leave();
  return out;
}

HandedTable read_handed(CborReader& in, Epoch before) {
  HandedTable out;
  const std::size_t count = in.array();
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    in.array_of(3);
    const Epoch epoch{static_cast<std::uint32_t>(in.uint(UINT32_MAX))};
    if (epoch.value == 0 || epoch >= before || (!out.empty() && epoch <= out.rbegin()->first)) in.reject();
    HandedKeys keys{.secret = read_secret(in), .reader_key = {}};
    if (!in.try_null()) keys.reader_key = read_secret(in);
    out.insert_or_assign(epoch, std::move(keys));
    in.leave();
  }
  in.leave();
  return out;
}

}  // namespace

Bytes epoch_context(const SpaceId& space, Epoch epoch) {
  Bytes out(4);
  put_le32(out.data(), epoch.value);
  out.insert(out.end(), space.data.begin(), space.data.end());
  return out;
}

Bytes box_context(const SpaceId& space, Epoch epoch, const DeviceId& recipient) {
  Bytes out = epoch_context(space, epoch);
  out.insert(out.end(), recipient.data.begin(), recipient.data.end());
  return out;
}

ReaderCheck reader_check(const crypto::SecretBytes& reader_key) {
  return {crypto::keyed_hash256(labels::reader_check, reader_key, {})};
}

crypto::Hash256 epoch_commitment(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& secret,
                                 const ContentKeys& content, const ReaderCheck& check) {
  std::array<std::uint8_t, 4> generation{};
  put_le32(generation.data(), content.generation);
  return crypto::Hasher(labels::epoch_commitment, secret.view())
      .update(epoch_context(space, epoch))
      .update(generation)
      .update(content.boundary.view())
      .update(content.dedup.view())
      .update(check)
      .finish();
}

Bytes seal_shared(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& secret, const SharedPart& part) {
  CborWriter out;
  const std::size_t names = part.names.members.size() + part.names.devices.size();
  out.reserve(4 * 34 + part.space_name.size() + 2 * kHeadBytes + part.preshared.size() * kPresharedItemBytes +
              names * kNameItemBytes);
  out.array(part.names.empty() ? 6 : 7)
      .uint(part.content.generation)
      .bytes(part.content.boundary.view())
      .bytes(part.content.dedup.view());
  out.bytes(part.check).bytes(as_bytes(part.space_name)).array(part.preshared.size());
  for (const auto& [recipient, preshared] : part.preshared) out.array(2).bytes(recipient).bytes(preshared.view());
  if (!part.names.empty()) write_names(out, part.names);
  Bytes plaintext = out.take();
  const crypto::ScopedWipe wiped(plaintext);
  return crypto::aead_seal(crypto::derive_key(labels::epoch_shared, secret), kZeroNonce, epoch_context(space, epoch),
                           plaintext);
}

Result<SharedPart> open_shared(const SpaceId& space, const EpochBody& body, const crypto::SecretBytes& secret) {
  auto plaintext = crypto::aead_open(crypto::derive_key(labels::epoch_shared, secret), kZeroNonce,
                                     epoch_context(space, body.epoch), body.shared);
  if (!plaintext) return contradicts(body.epoch);
  const crypto::ScopedWipe wiped(*plaintext);
  CborReader in(*plaintext);
  SharedPart out = read_shared(in);
  if (!in.finish() || out.content.generation != body.content_generation) return contradicts(body.epoch);
  if (!crypto::equal_constant_time(epoch_commitment(space, body.epoch, secret, out.content, out.check),
                                   body.commitment))
    return contradicts(body.epoch);
  return out;
}

Result<Bytes> seal_handed(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& reader_key,
                          const HandedTable& handed) {
  const std::size_t most = kHeadBytes + handed.size() * kHandedItemBytes;
  if (most + crypto::kTagBytes > kMaxHandedKeysBytes)
    return fail(ErrorCode::limit_exceeded, N_("The keys of {} older epochs are too many for one log record."),
                std::to_string(handed.size()));
  CborWriter out;
  out.reserve(most).array(handed.size());
  for (const auto& [older, keys] : handed) {
    BEFFROI_ASSERT(older < epoch);
    out.array(3).uint(older.value).bytes(keys.secret.view());
    if (keys.reader_key)
      out.bytes(keys.reader_key->view());
    else
      out.null();
  }
  Bytes plaintext = out.take();
  const crypto::ScopedWipe wiped(plaintext);
  return crypto::aead_seal(crypto::derive_key(labels::reader_wrap, reader_key), kZeroNonce, epoch_context(space, epoch),
                           plaintext);
}

Result<HandedTable> open_handed(const SpaceId& space, const EpochBody& body, const crypto::SecretBytes& reader_key) {
  auto plaintext = crypto::aead_open(crypto::derive_key(labels::reader_wrap, reader_key), kZeroNonce,
                                     epoch_context(space, body.epoch), body.handed_keys);
  if (!plaintext) return contradicts(body.epoch);
  const crypto::ScopedWipe wiped(*plaintext);
  CborReader in(*plaintext);
  HandedTable out = read_handed(in, body.epoch);
  if (!in.finish()) return contradicts(body.epoch);
  return out;
}

Result<EpochGrant> complete_grant(const SpaceId& space, const EpochBody& body, crypto::SecretBytes secret,
                                  std::optional<crypto::SecretBytes> reader_key) {
  BEFFROI_TRY(SharedPart shared, open_shared(space, body, secret));
  if (reader_key && reader_check(*reader_key) != shared.check) return contradicts(body.epoch);
  return EpochGrant{.epoch = body.epoch,
                    .secret = std::move(secret),
                    .content = std::move(shared.content),
                    .reader_key = std::move(reader_key),
                    .space_name = std::move(shared.space_name),
                    .preshared = std::move(shared.preshared),
                    .names = std::move(shared.names)};
}

}  // namespace beffroi::storage
