// What the object stores know of one object, its value in Table::info, and the rules that follow from it.
// Value (integers little-endian): 0 kind u8 · 1 height u8 · 2 flags u8 (1 bytes here, 2 receipted, 4 quarantined) · 3
// zero
//   4 epoch u32 · 8 sealed bytes u32 · 12 child count u16 · 14 zero u16 · 16 insertion u64 · 24 child ids, 32 bytes
//   each
#pragma once

#include "storage/store/object_store.h"

namespace beffroi::storage {

struct ObjectRow {
  ObjectInfo info;
  std::vector<ObjectId> children;
};

Bytes encode_row(const ObjectRow& row);
/// ErrorCode::corrupt unless encode_row wrote it. decode_info leaves the children alone: they may be 128 KiB.
Result<ObjectRow> decode_row(ByteView value);
Result<ObjectInfo> decode_info(ByteView value);

/// The row of an object that comes in, in place of what was known of it.
ObjectRow row_for(const ObjectHeader& header, std::uint32_t sealed_bytes, const std::optional<ObjectRow>& known,
                  std::uint64_t insertion);
inline ObjectRow row_for(const IncomingObject& object, const std::optional<ObjectRow>& known, std::uint64_t insertion) {
  return row_for(object.header, static_cast<std::uint32_t>(object.bytes.size()), known, insertion);
}

/// The row of an object that only the peer has.
ObjectRow row_for(const RemoteObject& object);

/// Counted by StoreUsage; a put of such an object changes nothing.
inline bool is_here(const ObjectInfo& info) { return info.bytes_present && !info.quarantined; }
inline bool is_evictable(const ObjectInfo& info) {
  return is_here(info) && info.receipted && (info.kind == ObjectKind::chunk || info.kind == ObjectKind::bundle);
}

std::unexpected<Error> no_such_object(const ObjectId& id);

}  // namespace beffroi::storage
