#include "storage/format/object.h"

#include <bit>

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "storage/format/cbor.h"

namespace beffroi::storage {
namespace {

// Offsets of the fixed part; see object.h.
constexpr std::size_t kKindAt = 1;
constexpr std::size_t kHeightAt = 2;
constexpr std::size_t kReservedAt = 3;
constexpr std::size_t kEpochAt = 4;
constexpr std::size_t kSpaceAt = 8;
constexpr std::size_t kChildCountAt = 40;
constexpr std::size_t kReservedTailAt = 42;

constexpr std::size_t kPayloadUnitBytes = 256;

std::uint16_t get_le16(const std::uint8_t* in) { return static_cast<std::uint16_t>(in[0] | (in[1] << 8)); }

void put_le16(std::uint8_t* out, std::size_t value) {
  out[0] = static_cast<std::uint8_t>(value);
  out[1] = static_cast<std::uint8_t>(value >> 8);
}

bool strictly_ascending(const std::vector<ObjectId>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), [](const auto& a, const auto& b) { return a >= b; }) == ids.end();
}

bool height_fits_children(const ObjectHeader& header) {
  return header.height <= kMaxHeight && (header.height == 0) == header.children.empty();
}

std::unexpected<Error> malformed_object() { return std::unexpected(malformed("object header")); }

bool reserved_bytes_are_zero(ByteView object) {
  return object[kReservedAt] == 0 && object[kReservedTailAt] == 0 && object[kReservedTailAt + 1] == 0;
}

}  // namespace

const char* object_kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::chunk:
      return "chunk";
    case ObjectKind::bundle:
      return "bundle";
    case ObjectKind::leaf:
      return "leaf";
    case ObjectKind::node:
      return "node";
    case ObjectKind::content_leaf:
      return "content leaf";
    case ObjectKind::content_node:
      return "content node";
    case ObjectKind::dictionary:
      return "dictionary";
  }
  assertion_failed("an ObjectKind has a name", __FILE__, __LINE__);
}

void encode_header(const ObjectHeader& header, Bytes& out) {
  BEFFROI_ASSERT(header.children.size() <= kMaxChildren && strictly_ascending(header.children));
  BEFFROI_ASSERT(height_fits_children(header) && header.epoch.value > 0);
  const std::size_t start = out.size();
  out.resize(start + header.encoded_size());
  std::uint8_t* at = out.data() + start;
  at[0] = header.suite;
  at[kKindAt] = static_cast<std::uint8_t>(header.kind);
  at[kHeightAt] = header.height;
  put_le32(at + kEpochAt, header.epoch.value);
  std::memcpy(at + kSpaceAt, header.space.data.data(), SpaceId::size_bytes);
  put_le16(at + kChildCountAt, header.children.size());
  at += kObjectHeaderFixedBytes;
  for (const ObjectId& child : header.children) {
    std::memcpy(at, child.data.data(), ObjectId::size_bytes);
    at += ObjectId::size_bytes;
  }
}

Result<ObjectHeader> decode_header(ByteView object) {
  if (object.size() < kObjectHeaderFixedBytes) return malformed_object();
  constexpr auto kLastKind = static_cast<std::uint8_t>(ObjectKind::dictionary);
  const std::uint8_t kind = object[kKindAt];
  if (object[0] == 0 || kind == 0) return malformed_object();
  if (object[0] > kFormatSuite || kind > kLastKind)
    return fail(ErrorCode::unsupported_version, N_("An object was written by a newer Beffroi: update this one."));
  const std::size_t child_count = get_le16(object.data() + kChildCountAt);
  ObjectHeader header{.suite = object[0],
                      .kind = static_cast<ObjectKind>(kind),
                      .space = *SpaceId::from(object.subspan(kSpaceAt, SpaceId::size_bytes)),
                      .epoch = Epoch{get_le32(object.data() + kEpochAt)},
                      .height = object[kHeightAt],
                      .children = {}};
  const ByteView children = object.subspan(kObjectHeaderFixedBytes);
  if (!reserved_bytes_are_zero(object) || header.epoch.value == 0 || child_count > kMaxChildren ||
      child_count * ObjectId::size_bytes > children.size())
    return malformed_object();
  header.children.reserve(child_count);
  for (std::size_t i = 0; i < child_count; ++i)
    header.children.push_back(*ObjectId::from(children.subspan(i * ObjectId::size_bytes, ObjectId::size_bytes)));
  if (!height_fits_children(header) || !strictly_ascending(header.children)) return malformed_object();
  return header;
}

Result<ObjectHeader> check_object(ByteView object) {
  if (object.size() > kMaxObjectBytes) return malformed_object();
  BEFFROI_TRY(ObjectHeader header, decode_header(object));
  const std::size_t sealed = object.size() - header.encoded_size();
  if (sealed < crypto::kSealOverheadBytes) return malformed_object();
  const std::size_t payload = sealed - crypto::kSealOverheadBytes;
  if (payload > kMaxPayloadBytes || payload != padded_length(payload)) return malformed_object();
  return header;
}

ObjectId object_id(ByteView object) { return {crypto::hash256(crypto::labels::object_id, object)}; }

std::size_t padded_length(std::size_t length) {
  BEFFROI_ASSERT(length <= std::size_t{1} << 40);
  const std::size_t units = std::max<std::size_t>(1, (length + kPayloadUnitBytes - 1) / kPayloadUnitBytes);
  const std::size_t whole = units * kPayloadUnitBytes;
  // Padmé: of the length's E+1 significant bits, all but the first bit_width(E) after the leading one become zero,
  // upwards.
  const auto exponent = static_cast<unsigned>(std::bit_width(whole) - 1);
  const auto kept = static_cast<unsigned>(std::bit_width(exponent));
  const std::size_t mask = (std::size_t{1} << (exponent - kept)) - 1;
  return (whole + mask) & ~mask;
}

}  // namespace beffroi::storage
