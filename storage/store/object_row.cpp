#include "storage/store/object_row.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kFixedBytes = 24;
constexpr std::uint8_t kBytesHere = 1;
constexpr std::uint8_t kReceipted = 2;
constexpr std::uint8_t kQuarantined = 4;

std::unexpected<Error> damaged_row() {
  return fail(ErrorCode::corrupt, N_("The local store's facts of an object are damaged. Check the disk."));
}

std::size_t child_count(ByteView value) { return value[12] | (std::size_t{value[13]} << 8); }

}  // namespace

Bytes encode_row(const ObjectRow& row) {
  Bytes out(kFixedBytes + ObjectId::size_bytes * row.children.size());
  out[0] = static_cast<std::uint8_t>(row.info.kind);
  out[1] = row.info.height;
  out[2] = static_cast<std::uint8_t>((row.info.bytes_present ? kBytesHere : 0) | (row.info.receipted ? kReceipted : 0) |
                                     (row.info.quarantined ? kQuarantined : 0));
  put_le32(&out[4], row.info.epoch.value);
  put_le32(&out[8], row.info.sealed_bytes);
  out[12] = static_cast<std::uint8_t>(row.children.size());
  out[13] = static_cast<std::uint8_t>(row.children.size() >> 8);
  put_le64(&out[16], row.info.insertion);
  std::uint8_t* to = out.data() + kFixedBytes;
  for (const ObjectId& child : row.children) to = std::ranges::copy(child.data, to).out;
  return out;
}

Result<ObjectInfo> decode_info(ByteView value) {
  if (value.size() < kFixedBytes || value.size() != kFixedBytes + ObjectId::size_bytes * child_count(value))
    return damaged_row();
  if (value[0] < static_cast<std::uint8_t>(ObjectKind::chunk) ||
      value[0] > static_cast<std::uint8_t>(ObjectKind::dictionary) || value[2] > 7)
    return damaged_row();
  return ObjectInfo{.kind = static_cast<ObjectKind>(value[0]),
                    .height = value[1],
                    .epoch = {get_le32(&value[4])},
                    .sealed_bytes = get_le32(&value[8]),
                    .bytes_present = (value[2] & kBytesHere) != 0,
                    .receipted = (value[2] & kReceipted) != 0,
                    .quarantined = (value[2] & kQuarantined) != 0,
                    .insertion = get_le64(&value[16])};
}

Result<ObjectRow> decode_row(ByteView value) {
  BEFFROI_TRY(const ObjectInfo info, decode_info(value));
  ObjectRow row{.info = info, .children = {}};
  row.children.reserve(child_count(value));
  for (ByteView rest = value.subspan(kFixedBytes); !rest.empty(); rest = rest.subspan(ObjectId::size_bytes))
    row.children.push_back(*ObjectId::from(rest.first(ObjectId::size_bytes)));
  return row;
}

ObjectRow row_for(const ObjectHeader& header, std::uint32_t sealed_bytes, const std::optional<ObjectRow>& known,
                  std::uint64_t insertion) {
  return {.info = {.kind = header.kind,
                   .height = header.height,
                   .epoch = header.epoch,
                   .sealed_bytes = sealed_bytes,
                   .bytes_present = true,
                   .receipted = known && known->info.receipted,
                   .quarantined = false,
                   .insertion = insertion},
          .children = header.children};
}

ObjectRow row_for(const RemoteObject& object) {
  return {.info = {.kind = object.kind,
                   .height = object.height,
                   .epoch = object.epoch,
                   .sealed_bytes = object.sealed_bytes,
                   .bytes_present = false,
                   .receipted = true,
                   .quarantined = false,
                   .insertion = 0},
          .children = {}};
}

std::unexpected<Error> no_such_object(const ObjectId& id) {
  return fail(ErrorCode::not_found, N_("The object {} is not in this store."), id.hex());
}

}  // namespace beffroi::storage
