#include "storage/format/space_keys.h"

#include "crypto/assert.h"

namespace beffroi::storage {
namespace {

namespace labels = crypto::labels;

constexpr std::size_t kSecretBytes = 32;
// Context under labels::nonce that makes the nonce key of commits; see EpochKeys.
constexpr std::array<std::uint8_t, 1> kCommitNonceContext = {'c'};

Digest keyed_digest(const crypto::Label& label, const crypto::SecretBytes& key, ByteView data) {
  return {crypto::keyed_hash256(label, key, data)};
}

}  // namespace

EpochKeys::EpochKeys(Epoch epoch, const crypto::SecretBytes& epoch_secret)
    : epoch_(epoch), secret_(epoch_secret.clone()) {
  BEFFROI_ASSERT(secret_.size() == kSecretBytes && epoch.value > 0);
  object_ = {crypto::derive_key(labels::object_encrypt, secret_), crypto::derive_key(labels::object_nonce, secret_)};
  commit_ = {crypto::derive_key(labels::commit_encrypt, secret_),
             crypto::derive_key(labels::nonce, secret_, kCommitNonceContext)};
}

DigestKeys::DigestKeys(const ContentKeys& keys)
    : generation_(keys.generation),
      chunk_(crypto::derive_key(labels::digest_chunk, keys.dedup)),
      content_(crypto::derive_key(labels::digest_content, keys.dedup)),
      tree_(crypto::derive_key(labels::digest_tree, keys.dedup)),
      chunk_cut_(crypto::derive_key(labels::boundary_chunk, keys.boundary)),
      tree_cut_(crypto::derive_key(labels::boundary_tree, keys.boundary)) {
  BEFFROI_ASSERT(keys.boundary.size() == kSecretBytes && keys.dedup.size() == kSecretBytes);
}

Digest DigestKeys::chunk(ByteView plaintext) const { return keyed_digest(labels::digest_chunk, chunk_, plaintext); }

Digest DigestKeys::content(ByteView encoded_segments) const {
  return keyed_digest(labels::digest_content, content_, encoded_segments);
}

Digest DigestKeys::tree(ByteView logical_encoding) const {
  return keyed_digest(labels::digest_tree, tree_, logical_encoding);
}

crypto::Hasher DigestKeys::content_hasher() const { return crypto::Hasher(labels::digest_content, content_.view()); }

KeyRing::KeyRing(SpaceId space, ContentKeys content)
    : space_(space), content_(std::move(content)), digests_(std::make_shared<const DigestKeys>(content_)) {}

void KeyRing::add_epoch(std::shared_ptr<const EpochKeys> keys) {
  BEFFROI_ASSERT(keys != nullptr);
  const Epoch epoch = keys->epoch();
  epochs_.insert_or_assign(epoch, std::move(keys));
}

std::shared_ptr<const EpochKeys> KeyRing::epoch(Epoch epoch) const {
  const auto found = epochs_.find(epoch);
  return found == epochs_.end() ? nullptr : found->second;
}

std::shared_ptr<const EpochKeys> KeyRing::current() const {
  return epochs_.empty() ? nullptr : epochs_.rbegin()->second;
}

}  // namespace beffroi::storage
