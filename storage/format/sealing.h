// How an object is sealed and opened: the one place where header, payload, codec and cipher meet.
#pragma once

#include "storage/format/codec.h"
#include "storage/format/space_keys.h"

namespace beffroi::storage {

struct SealedObject {
  ObjectRef ref;
  ObjectKind kind = ObjectKind::chunk;
  Bytes bytes;                     ///< header ‖ sealed payload
  std::vector<ObjectId> children;  ///< as in the header
};

/// Seals an already encoded payload. `children` frozen.
SealedObject seal_object(const SpaceId& space, const EpochKeys& keys, ObjectKind kind, const ChildTable& children,
                         ByteView padded_payload);

/// Where sealed bytes come from: the local store, the peer, or one behind the other. Thread-safe.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  /// ErrorCode::not_found when absent. The bytes are not verified here: the opener does that.
  virtual Result<Bytes> get(const ObjectId& id) = 0;
  /// Says that these will be asked for soon, in this order. May do nothing.
  virtual void prefetch(std::span<const ObjectId>) {}
};

struct OpenedObject {
  ObjectHeader header;
  Bytes plaintext;
  /// Child index of the codec's delta base or dictionary, when it has one. It counts as a use of that child: decoders
  /// of tree objects mark it before they look for unused children.
  std::optional<std::uint16_t> reference_child;
};

class DictionaryCache;

/// Verifies, decrypts and decompresses objects of one space. Thread-safe; copies share the cache. Chunks, bundles and
/// dictionaries may have no other child than their codec's; only chunks and bundles may be deltas, of chunks or
/// bundles.
class ObjectOpener {
 public:
  ObjectOpener(std::shared_ptr<const KeyRing> keys, std::shared_ptr<ObjectSource> source);
  /// Follows delta bases and dictionaries (depth bounded, small cache of dictionaries). ErrorCode::corrupt with the
  /// object's id and kind in the sentence when bytes do not hash to `id`, the seal does not open, or the payload is
  /// malformed; not_found when absent; refused when this member has no key of its epoch.
  Result<OpenedObject> open(const ObjectId& id) const;
  /// open(), and the kind must be this one.
  Result<OpenedObject> open(const ObjectId& id, ObjectKind kind) const;
  /// For content whose keyed digest the caller compares. Its seal says that it is the space's, and the digest that it
  /// is the right one: hashing the sealed bytes again would say no more, and costs as much as the rest.
  Result<OpenedObject> open_content(const ObjectId& id, ObjectKind kind) const;
  /// The same for bytes in hand.
  Result<OpenedObject> open_bytes(const ObjectId& id, ByteView object) const;
  const KeyRing& keys() const { return *keys_; }
  ObjectSource& source() const { return *source_; }

 private:
  enum class Identity { hashed, compared_by_caller };
  Result<ObjectHeader> verify_header(const ObjectId& id, ByteView object, Identity identity) const;
  Result<OpenedObject> open_at_depth(const ObjectId& id, Bytes object, Identity identity, int depth) const;
  Result<std::shared_ptr<const OpenedObject>> open_reference(const ObjectId& id, Codec codec, Identity identity,
                                                             int depth) const;
  Result<OpenedObject> open_kind(const ObjectId& id, ObjectKind kind, Identity identity) const;
  std::shared_ptr<const KeyRing> keys_;
  std::shared_ptr<ObjectSource> source_;
  std::shared_ptr<DictionaryCache> dictionaries_;
};

/// Where new objects go: deduplicates by keyed digest, seals, stores. Implemented by the backup pipeline (store-backed)
/// and, for tests, in memory. Thread-safe.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  /// The reference of an object of this kind whose logical content has this digest and that is present, if any.
  virtual std::optional<ObjectRef> find(ObjectKind kind, const Digest& digest) = 0;
  /// Seals and stores plaintext under `digest`. Children are present already. May return an existing equal object.
  virtual Result<ObjectRef> put(ObjectKind kind, const Digest& digest, const ChildTable& children,
                                ByteView plaintext) = 0;
};

}  // namespace beffroi::storage
