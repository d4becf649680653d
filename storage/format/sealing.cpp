#include "storage/format/sealing.h"

#include "crypto/assert.h"
#include "storage/format/cbor.h"

namespace beffroi::storage {

SealedObject seal_object(const SpaceId& space, const EpochKeys& keys, ObjectKind kind, const ChildTable& children,
                         ByteView padded_payload) {
  BEFFROI_ASSERT(padded_payload.size() <= kMaxPayloadBytes &&
                 padded_payload.size() == padded_length(padded_payload.size()));
  const ObjectHeader header{.kind = kind,
                            .space = space,
                            .epoch = keys.epoch(),
                            .height = children.parent_height(),
                            .children = children.ids()};
  Bytes clear;
  encode_header(header, clear);
  SealedObject out{
      .ref = {.id = {}, .height = header.height}, .kind = kind, .bytes = clear, .children = header.children};
  out.bytes.reserve(clear.size() + crypto::kSealOverheadBytes + padded_payload.size());
  crypto::seal_append(keys.object_keys(), clear, padded_payload, out.bytes);
  out.ref.id = object_id(out.bytes);
  return out;
}

}  // namespace beffroi::storage
