// Objects in memory for the tests of whatever reads and writes them: a source and a sink in one, with deduplication,
// counts, and means to damage what is stored. And keys made from a seed.
#pragma once

#include <map>
#include <mutex>

#include "crypto/assert.h"
#include "crypto/random.h"
#include "storage/format/sealing.h"

namespace beffroi::storage::testing {

/// A key ring that depends on `seed` only, with the epochs 1 to `epochs`.
inline std::shared_ptr<KeyRing> test_key_ring(std::uint64_t seed, std::uint32_t epochs = 1) {
  crypto::SeededRandom random(seed);
  const auto space = random.fixed<SpaceId>();
  ContentKeys content{.generation = 1,
                      .boundary = crypto::SecretBytes::random(32, random),
                      .dedup = crypto::SecretBytes::random(32, random)};
  auto ring = std::make_shared<KeyRing>(space, std::move(content));
  for (std::uint32_t epoch = 1; epoch <= epochs; ++epoch)
    ring->add_epoch(std::make_shared<EpochKeys>(Epoch{epoch}, crypto::SecretBytes::random(32, random)));
  return ring;
}

/// `size` bytes that depend on `seed` only and do not compress.
inline Bytes seeded_bytes(std::uint64_t seed, std::size_t size) {
  crypto::SeededRandom random(seed);
  Bytes out(size);
  random.fill(out);
  return out;
}

/// Seals under the ring's current epoch and keeps the sealed bytes. Thread-safe.
class MemoryObjects final : public ObjectSource, public ObjectSink {
 public:
  explicit MemoryObjects(std::shared_ptr<const KeyRing> keys, int level = kDefaultCompressionLevel)
      : keys_(std::move(keys)), level_(level) {}

  Result<Bytes> get(const ObjectId& id) override {
    const std::lock_guard lock(mutex_);
    ++gets_;
    const auto found = objects_.find(id);
    if (found == objects_.end()) return fail(ErrorCode::not_found, "The object {} is not there.", id.hex());
    return found->second;
  }

  std::optional<ObjectRef> find(ObjectKind kind, const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    const auto found = by_digest_.find({kind, digest});
    if (found == by_digest_.end()) return std::nullopt;
    ++dedup_hits_;
    return found->second;
  }

  Result<ObjectRef> put(ObjectKind kind, const Digest& digest, const ChildTable& children,
                        ByteView plaintext) override {
    const std::lock_guard lock(mutex_);
    for (const ObjectId& child : children.ids()) BEFFROI_ASSERT(objects_.contains(child));
    return keep(digest, seal_object(keys_->space(), *keys_->current(), kind, children,
                                    encoder_.encode(plaintext, level_).bytes));
  }

  /// Stores an object that was sealed elsewhere (a delta, one with a dictionary) under `digest`.
  ObjectRef put_sealed(const Digest& digest, SealedObject object) {
    const std::lock_guard lock(mutex_);
    return keep(digest, std::move(object));
  }

  /// From now on, get() says not_found. The dedup index forgets it too.
  void remove(const ObjectId& id) {
    const std::lock_guard lock(mutex_);
    objects_.erase(id);
    std::erase_if(by_digest_, [&](const auto& entry) { return entry.second.id == id; });
  }
  /// Flips one bit of the stored bytes, `from_end` bytes before the end.
  void corrupt(const ObjectId& id, std::size_t from_end = 20) {
    const std::lock_guard lock(mutex_);
    Bytes& bytes = objects_.at(id);
    BEFFROI_ASSERT(from_end >= 1 && from_end <= bytes.size());
    bytes[bytes.size() - from_end] ^= 1;
  }
  /// The dedup index forgets everything: what is put again is sealed again.
  void forget_digests() {
    const std::lock_guard lock(mutex_);
    by_digest_.clear();
  }
  void set_level(int level) { level_ = level; }
  void reset_counts() {
    const std::lock_guard lock(mutex_);
    gets_ = puts_ = dedup_hits_ = bytes_put_ = 0;
  }

  std::size_t gets() const { return gets_; }              ///< calls of get()
  std::size_t puts() const { return puts_; }              ///< calls of put() and put_sealed()
  std::size_t dedup_hits() const { return dedup_hits_; }  ///< calls of find() that found
  std::size_t bytes_put() const { return bytes_put_; }    ///< sealed bytes of those puts
  std::size_t size() const { return objects_.size(); }
  const std::map<ObjectId, Bytes>& objects() const { return objects_; }
  const KeyRing& keys() const { return *keys_; }

  /// An opener over these objects.
  static ObjectOpener opener(const std::shared_ptr<MemoryObjects>& objects) { return {objects->keys_, objects}; }

 private:
  ObjectRef keep(const Digest& digest, SealedObject object) {
    ++puts_;
    bytes_put_ += object.bytes.size();
    by_digest_.insert_or_assign({object.kind, digest}, object.ref);
    objects_.insert_or_assign(object.ref.id, std::move(object.bytes));
    return object.ref;
  }

  std::shared_ptr<const KeyRing> keys_;
  int level_;
  PayloadEncoder encoder_;
  std::mutex mutex_;
  std::map<ObjectId, Bytes> objects_;
  std::map<std::pair<ObjectKind, Digest>, ObjectRef> by_digest_;
  std::size_t gets_ = 0;
  std::size_t puts_ = 0;
  std::size_t dedup_hits_ = 0;
  std::size_t bytes_put_ = 0;
};

}  // namespace beffroi::storage::testing
