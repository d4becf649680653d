#include "storage/store/dedup_index.h"

#include "crypto/assert.h"
#include "storage/store/keys.h"

namespace beffroi::storage {
namespace {

// Kinds of keys: segments of files (chunks and slices of bundles are found by the same digest), and each tree kind.
constexpr std::uint8_t kSegmentKey = 0;
// Values: object id 32 · height u8 · in a bundle u8 · offset u32 · length u64; of a tree object only the first two.
constexpr std::size_t kSegmentBytes = 46;
constexpr std::size_t kObjectBytes = 33;

Bytes key_for(const SpaceId& space, std::uint8_t kind, const Digest& digest) {
  return join_key({space, ByteView(&kind, 1), digest});
}

std::unexpected<Error> damaged_entry() {
  return fail(ErrorCode::corrupt, N_("An entry of the local index is damaged. Check the disk."));
}

}  // namespace

DedupIndex::DedupIndex(Database& database, SpaceId space) : database_(database), space_(space) {}

Result<std::optional<Segment>> DedupIndex::find_segment(const Digest& digest) const {
  BEFFROI_TRY(const auto value, database_.get(Table::dedup, key_for(space_, kSegmentKey, digest)));
  if (!value) return std::nullopt;
  if (value->size() != kSegmentBytes) return damaged_entry();
  const std::uint8_t* at = value->data();
  return Segment{.length = get_le64(at + 38),
                 .object = ObjectRef{.id = *ObjectId::from(ByteView(*value).first(32)), .height = at[32]},
                 .offset = get_le32(at + 34),
                 .in_bundle = at[33] != 0,
                 .digest = digest};
}

Result<std::optional<ObjectRef>> DedupIndex::find_object(ObjectKind kind, const Digest& digest) const {
  BEFFROI_TRY(const auto value, database_.get(Table::dedup, key_for(space_, static_cast<std::uint8_t>(kind), digest)));
  if (!value) return std::nullopt;
  if (value->size() != kObjectBytes) return damaged_entry();
  return ObjectRef{.id = *ObjectId::from(ByteView(*value).first(32)), .height = value->back()};
}

void DedupIndex::add_segment(WriteBatch& batch, const Segment& segment) const {
  BEFFROI_ASSERT(segment.object.has_value());
  std::array<std::uint8_t, kSegmentBytes> value{};
  std::ranges::copy(segment.object->id.data, value.begin());
  value[32] = segment.object->height;
  value[33] = segment.in_bundle ? 1 : 0;
  put_le32(&value[34], segment.offset);
  put_le64(&value[38], segment.length);
  batch.put(Table::dedup, key_for(space_, kSegmentKey, segment.digest), value);
}

void DedupIndex::add_object(WriteBatch& batch, ObjectKind kind, const Digest& digest, const ObjectRef& ref) const {
  std::array<std::uint8_t, kObjectBytes> value{};
  std::ranges::copy(ref.id.data, value.begin());
  value.back() = ref.height;
  batch.put(Table::dedup, key_for(space_, static_cast<std::uint8_t>(kind), digest), value);
}

Result<void> DedupIndex::clear() { return database_.remove_prefix(Table::dedup, space_, Durability::buffered); }

}  // namespace beffroi::storage
