// The keys of one space as a member holds them.
#pragma once

#include <map>
#include <memory>

#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "storage/format/types.h"

namespace beffroi::storage {

/// Keys that survive rotation: chunk and tree boundaries, digests. Own generation.
struct ContentKeys {
  std::uint32_t generation = 1;
  crypto::SecretBytes boundary;  ///< 32 bytes; the cutters' SipHash keys are derived from it
  crypto::SecretBytes dedup;     ///< 32 bytes; digest keys are derived from it
  ContentKeys clone() const { return {generation, boundary.clone(), dedup.clone()}; }
};

/// Subkeys derived once from an epoch secret of 32 bytes by crypto::derive_key: objects under labels object_encrypt and
/// object_nonce, commits under commit_encrypt and, with the one-byte context 'c', nonce. Epochs count from 1.
class EpochKeys {
 public:
  EpochKeys(Epoch epoch, const crypto::SecretBytes& epoch_secret);
  Epoch epoch() const { return epoch_; }
  const crypto::SealKeys& object_keys() const { return object_; }
  const crypto::SealKeys& commit_keys() const { return commit_; }
  const crypto::SecretBytes& secret() const { return secret_; }

 private:
  Epoch epoch_;
  crypto::SecretBytes secret_;
  crypto::SealKeys object_;
  crypto::SealKeys commit_;
};

/// Keyed digests and cutter keys, derived once from ContentKeys: the digest keys from `dedup` under labels
/// digest_chunk, digest_content and digest_tree, the cutter keys from `boundary` under boundary_chunk and boundary_tree
/// (of which SipHash takes the first 16 bytes). A digest is BLAKE2b-256 keyed by its key and personalised by the same
/// label. Thread-safe for reading.
class DigestKeys {
 public:
  explicit DigestKeys(const ContentKeys& keys);
  Digest chunk(ByteView plaintext) const;
  /// Digest of the canonical list of a file's segments (see content.h) or any content structure.
  Digest content(ByteView encoded_segments) const;
  Digest tree(ByteView logical_encoding) const;
  /// Incremental form of content(): the same key and label; the digest is what finish() returns.
  crypto::Hasher content_hasher() const;
  ByteView chunk_cut_key() const { return chunk_cut_.view().first(16); }  ///< SipHash key
  ByteView tree_cut_key() const { return tree_cut_.view().first(16); }    ///< SipHash key
  std::uint32_t generation() const { return generation_; }

 private:
  std::uint32_t generation_;
  crypto::SecretBytes chunk_, content_, tree_, chunk_cut_, tree_cut_;
};

/// All that a member can open and seal with. Add epochs while loading; read-only and thread-safe afterwards.
class KeyRing {
 public:
  KeyRing(SpaceId space, ContentKeys content);
  const SpaceId& space() const { return space_; }
  void add_epoch(std::shared_ptr<const EpochKeys> keys);
  /// nullptr when this member has no key of that epoch.
  std::shared_ptr<const EpochKeys> epoch(Epoch epoch) const;
  /// The newest epoch's keys, to seal with; nullptr while there are none.
  std::shared_ptr<const EpochKeys> current() const;
  const DigestKeys& digests() const { return *digests_; }
  const ContentKeys& content_keys() const { return content_; }

 private:
  SpaceId space_;
  ContentKeys content_;
  std::shared_ptr<const DigestKeys> digests_;
  std::map<Epoch, std::shared_ptr<const EpochKeys>> epochs_;
};

}  // namespace beffroi::storage
