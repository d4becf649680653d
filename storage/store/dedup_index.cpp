#include "storage/store/dedup_index.h"

#include "crypto/assert.h"
#include "storage/store/keys.h"

namespace beffroi::storage {
namespace {

// Kinds of keys: segments of files (chunks and slices of bundles are found by the same digest), each tree kind, and the
// bundles' numbers: be32 number, and the bundle's id.
constexpr std::uint8_t kSegmentKey = 0;
constexpr std::uint8_t kBundleKey = 0xFE;
constexpr std::uint8_t kNumberKey = 0xFF;
// Values. Object: id 32 · height u8. Chunk: object · length u64. Slice of a bundle: its number u32 · offset u32 ·
// length u16. Bundle by id: number u32.
constexpr std::size_t kObjectBytes = 33;
constexpr std::size_t kChunkBytes = 41;
constexpr std::size_t kSliceBytes = 10;
constexpr std::size_t kNumberBytes = 4;
// Of a segment's digest, in its key: the table has a row for each small file, and its digests are most of it. The
// digest is keyed, so nobody outside the space can look for two contents that share this much; whoever in it finds two
// of his own (2^64 digests of work) has a file that is refused when it is restored, since the whole digest is compared
// there.
constexpr std::size_t kSegmentDigestBytes = 16;
// Numbers remembered; with more, all are asked for anew.
constexpr std::size_t kMaxKnownNumbers = 4096;

Bytes key_for(const SpaceId& space, std::uint8_t kind, ByteView rest) {
  return join_key({space, ByteView(&kind, 1), rest});
}

std::array<std::uint8_t, kObjectBytes> encode_ref(const ObjectRef& ref) {
  std::array<std::uint8_t, kObjectBytes> out{};
  std::ranges::copy(ref.id.data, out.begin());
  out.back() = ref.height;
  return out;
}

Bytes segment_key(const SpaceId& space, const Digest& digest) {
  return key_for(space, kSegmentKey, ByteView(digest).first(kSegmentDigestBytes));
}

ObjectRef decode_ref(ByteView value) { return {.id = *ObjectId::from(value.first(32)), .height = value[32]}; }

std::unexpected<Error> damaged_entry() {
  return fail(ErrorCode::corrupt, N_("An entry of the local index is damaged. Check the disk."));
}

}  // namespace

DedupIndex::DedupIndex(Database& database, SpaceId space) : database_(database), space_(space) {}

Result<std::optional<Segment>> DedupIndex::find_segment(const Digest& digest) const {
  BEFFROI_TRY(const auto value, database_.get(Table::dedup, segment_key(space_, digest)));
  if (!value) return std::nullopt;
  const std::uint8_t* const at = value->data();
  if (value->size() == kChunkBytes)
    return Segment{.length = get_le64(at + kObjectBytes),
                   .object = decode_ref(*value),
                   .offset = 0,
                   .in_bundle = false,
                   .digest = digest};
  // A row of an earlier layout: the content is stored anew, and its row with it.
  if (value->size() != kSliceBytes) return std::nullopt;
  BEFFROI_TRY(const auto bundle, bundle_with(get_le32(at)));
  if (!bundle) return std::nullopt;
  return Segment{.length = static_cast<std::uint64_t>(at[8] | (at[9] << 8)),
                 .object = bundle,
                 .offset = get_le32(at + 4),
                 .in_bundle = true,
                 .digest = digest};
}

Result<std::optional<ObjectRef>> DedupIndex::bundle_with(std::uint32_t number) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(number); known != known_.end()) return known->second;
  }
  BEFFROI_TRY(const auto value, database_.get(Table::dedup, key_for(space_, kNumberKey, be32(number))));
  if (!value) return std::nullopt;
  if (value->size() != kObjectBytes) return damaged_entry();
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnownNumbers) known_.clear();
  return known_.insert_or_assign(number, decode_ref(*value)).first->second;
}

Result<std::optional<ObjectRef>> DedupIndex::find_object(ObjectKind kind, const Digest& digest) const {
  BEFFROI_TRY(const auto value, database_.get(Table::dedup, key_for(space_, static_cast<std::uint8_t>(kind), digest)));
  if (!value) return std::nullopt;
  if (value->size() != kObjectBytes) return damaged_entry();
  return decode_ref(*value);
}

Result<void> DedupIndex::add_segment(WriteBatch& batch, const Segment& segment, BundleNumbers& numbers) {
  BEFFROI_ASSERT(segment.object.has_value());
  const Bytes key = segment_key(space_, segment.digest);
  if (!segment.in_bundle) {
    std::array<std::uint8_t, 8> length{};
    put_le64(length.data(), segment.length);
    batch.put(Table::dedup, key, join_key({encode_ref(*segment.object), length}));
    return {};
  }
  // Longer ones are not ours; they are only not found again.
  if (segment.length > UINT16_MAX) return {};
  BEFFROI_TRY(const std::uint32_t number, number_of(batch, *segment.object, numbers));
  std::array<std::uint8_t, kSliceBytes> value{};
  put_le32(&value[0], number);
  put_le32(&value[4], segment.offset);
  value[8] = static_cast<std::uint8_t>(segment.length);
  value[9] = static_cast<std::uint8_t>(segment.length >> 8);
  batch.put(Table::dedup, key, value);
  return {};
}

Result<std::uint32_t> DedupIndex::number_of(WriteBatch& batch, const ObjectRef& bundle, BundleNumbers& numbers) {
  if (const auto known = numbers.find(bundle.id); known != numbers.end()) return known->second;
  const Bytes key = key_for(space_, kBundleKey, bundle.id);
  BEFFROI_TRY(const auto stored, database_.get(Table::dedup, key));
  std::uint32_t number = 0;
  if (stored && stored->size() == kNumberBytes) {
    number = get_le32(stored->data());
  } else {
    BEFFROI_TRY(number, take_number());
    std::array<std::uint8_t, kNumberBytes> value{};
    put_le32(value.data(), number);
    batch.put(Table::dedup, key, value);
    batch.put(Table::dedup, key_for(space_, kNumberKey, be32(number)), encode_ref(bundle));
  }
  if (numbers.size() >= kMaxKnownNumbers) numbers.clear();
  numbers.emplace(bundle.id, number);
  return number;
}

/// A number that no row has. One that is taken and never written is lost, or, after a restart, taken again.
Result<std::uint32_t> DedupIndex::take_number() {
  const std::lock_guard lock(mutex_);
  if (!next_number_) {
    BEFFROI_TRY(const auto last, database_.last(Table::dedup, key_for(space_, kNumberKey, {})));
    next_number_ = last ? (trailing_be64(last->key) & UINT32_MAX) + 1 : 0;
  }
  // Four thousand million bundles are no index but a damaged key.
  if (*next_number_ > UINT32_MAX) return damaged_entry();
  return static_cast<std::uint32_t>((*next_number_)++);
}

void DedupIndex::add_object(WriteBatch& batch, ObjectKind kind, const Digest& digest, const ObjectRef& ref) const {
  batch.put(Table::dedup, key_for(space_, static_cast<std::uint8_t>(kind), digest), encode_ref(ref));
}

Result<void> DedupIndex::clear() {
  BEFFROI_CHECK(database_.remove_prefix(Table::dedup, space_, Durability::buffered));
  const std::lock_guard lock(mutex_);
  known_.clear();
  return {};
}

}  // namespace beffroi::storage
