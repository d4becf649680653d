#include <list>
#include <mutex>

#include "crypto/assert.h"
#include "storage/format/cbor.h"
#include "storage/format/sealing.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kCachedDictionaries = 8;

std::unexpected<Error> damaged(const ObjectId& id, ObjectKind kind) {
  return fail(ErrorCode::corrupt, N_("The {} {} is damaged: run a check, and restore it from another copy."),
              object_kind_name(kind), id.hex());
}

// Errors of the parsers don't know which object they read; nothing else about them changes.
std::unexpected<Error> about_object(const Error& error, const ObjectId& id, ObjectKind kind) {
  if (error.code == ErrorCode::corrupt) return damaged(id, kind);
  return std::unexpected(error);
}

bool may_be_delta(ObjectKind kind) { return kind == ObjectKind::chunk || kind == ObjectKind::bundle; }

// Which codecs a kind may use: deltas for file contents, dictionaries for all but dictionaries.
bool codec_fits_kind(Codec codec, ObjectKind kind) {
  if (codec == Codec::zstd_delta) return may_be_delta(kind);
  if (codec == Codec::zstd_dictionary) return kind != ObjectKind::dictionary;
  return true;
}

bool reference_fits_codec(Codec codec, ObjectKind reference) {
  return codec == Codec::zstd_delta ? may_be_delta(reference) : reference == ObjectKind::dictionary;
}

// Chunks, bundles and dictionaries name children only through their codec. (Tree objects: their decoders look.)
bool has_payload_children(ObjectKind kind) { return !may_be_delta(kind) && kind != ObjectKind::dictionary; }

bool children_fit(const ObjectHeader& header, const PayloadView& payload) {
  if (!codec_fits_kind(payload.codec, header.kind)) return false;
  if (payload.reference_child && *payload.reference_child >= header.children.size()) return false;
  return has_payload_children(header.kind) || header.children.size() == (payload.reference_child ? 1 : 0);
}

}  // namespace

/// The dictionaries opened last, newest first. Thread-safe.
class DictionaryCache {
 public:
  std::shared_ptr<const OpenedObject> find(const ObjectId& id) {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->first != id) continue;
      entries_.splice(entries_.begin(), entries_, at);
      return entries_.front().second;
    }
    return nullptr;
  }
  void add(const ObjectId& id, std::shared_ptr<const OpenedObject> dictionary) {
    const std::lock_guard lock(mutex_);
    entries_.emplace_front(id, std::move(dictionary));
    if (entries_.size() > kCachedDictionaries) entries_.pop_back();
  }

 private:
  std::mutex mutex_;
  std::list<std::pair<ObjectId, std::shared_ptr<const OpenedObject>>> entries_;
};

ObjectOpener::ObjectOpener(std::shared_ptr<const KeyRing> keys, std::shared_ptr<ObjectSource> source)
    : keys_(std::move(keys)), source_(std::move(source)), dictionaries_(std::make_shared<DictionaryCache>()) {
  BEFFROI_ASSERT(keys_ != nullptr && source_ != nullptr);
}

Result<OpenedObject> ObjectOpener::open(const ObjectId& id) const {
  BEFFROI_TRY(Bytes object, source_->get(id));
  return open_at_depth(id, std::move(object), Identity::hashed, 0);
}

Result<OpenedObject> ObjectOpener::open(const ObjectId& id, ObjectKind kind) const {
  return open_kind(id, kind, Identity::hashed);
}

Result<OpenedObject> ObjectOpener::open_content(const ObjectId& id, ObjectKind kind) const {
  return open_kind(id, kind, Identity::compared_by_caller);
}

Result<OpenedObject> ObjectOpener::open_kind(const ObjectId& id, ObjectKind kind, Identity identity) const {
  BEFFROI_TRY(Bytes object, source_->get(id));
  BEFFROI_TRY(OpenedObject opened, open_at_depth(id, std::move(object), identity, 0));
  if (opened.header.kind != kind)
    return fail(ErrorCode::corrupt, N_("The object {} is a {} where a {} should be: run a check."), id.hex(),
                object_kind_name(opened.header.kind), object_kind_name(kind));
  return opened;
}

Result<OpenedObject> ObjectOpener::open_bytes(const ObjectId& id, ByteView object) const {
  return open_at_depth(id, to_bytes(object), Identity::hashed, 0);
}

Result<ObjectHeader> ObjectOpener::verify_header(const ObjectId& id, ByteView object, Identity identity) const {
  if (identity == Identity::hashed && object_id(object) != id)
    return fail(ErrorCode::corrupt, N_("The object {} is damaged: run a check, and restore it from another copy."),
                id.hex());
  auto header = check_object(object);
  if (!header) {
    if (header.error().code != ErrorCode::corrupt) return header;
    return fail(ErrorCode::corrupt, N_("The object {} is malformed: it was not written by Beffroi."), id.hex());
  }
  if (header->space != keys_->space())
    return fail(ErrorCode::corrupt, N_("The {} {} belongs to another space."), object_kind_name(header->kind),
                id.hex());
  return header;
}

Result<std::shared_ptr<const OpenedObject>> ObjectOpener::open_reference(const ObjectId& id, Codec codec,
                                                                         Identity identity, int depth) const {
  if (codec == Codec::zstd_dictionary)
    if (auto cached = dictionaries_->find(id)) return cached;
  BEFFROI_TRY(Bytes object, source_->get(id));
  BEFFROI_TRY(OpenedObject opened, open_at_depth(id, std::move(object), identity, depth));
  if (!reference_fits_codec(codec, opened.header.kind)) return damaged(id, opened.header.kind);
  auto shared = std::make_shared<const OpenedObject>(std::move(opened));
  if (codec == Codec::zstd_dictionary) dictionaries_->add(id, shared);
  return shared;
}

Result<OpenedObject> ObjectOpener::open_at_depth(const ObjectId& id, Bytes object, Identity identity, int depth) const {
  BEFFROI_TRY(ObjectHeader header, verify_header(id, object, identity));
  if (depth > kMaxDeltaDepth) return damaged(id, header.kind);
  const auto keys = keys_->epoch(header.epoch);
  if (keys == nullptr)
    return fail(ErrorCode::refused, N_("The {} {} is sealed with a key that this device was not given (epoch {})."),
                object_kind_name(header.kind), id.hex(), std::to_string(header.epoch.value));
  const std::size_t clear_bytes = header.encoded_size();
  const auto padded = crypto::open_in_place(keys->object_keys(), ByteView(object).first(clear_bytes),
                                            std::span(object).subspan(clear_bytes));
  if (!padded) return about_object(padded.error(), id, header.kind);
  const auto payload = parse_payload(*padded);
  if (!payload) return about_object(payload.error(), id, header.kind);
  if (!children_fit(header, *payload)) return damaged(id, header.kind);

  std::shared_ptr<const OpenedObject> reference;
  if (payload->reference_child) {
    BEFFROI_TRY(reference,
                open_reference(header.children[*payload->reference_child], payload->codec, identity, depth + 1));
    if (header.height <= reference->header.height) return damaged(id, header.kind);
  }
  if (payload->codec == Codec::stored) {
    // What is stored as it is stays in its buffer.
    object.erase(object.begin(), object.begin() + (payload->data.data() - object.data()));
    object.resize(payload->data.size());
    return OpenedObject{std::move(header), std::move(object), std::nullopt};
  }
  auto plaintext = decode_payload(*payload, reference ? ByteView(reference->plaintext) : ByteView());
  if (!plaintext) return about_object(plaintext.error(), id, header.kind);
  return OpenedObject{std::move(header), std::move(*plaintext), payload->reference_child};
}

}  // namespace beffroi::storage
