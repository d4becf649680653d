#include "daemon/backup/sparse_bundles.h"

#include "storage/format/cbor.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {
namespace {

const std::string kSparseKey = "backup/sparse";

Bytes length_key(const storage::ObjectId& bundle) {
  Bytes key = to_bytes(as_bytes("bundle/"));
  key.insert(key.end(), bundle.data.begin(), bundle.data.end());
  return key;
}

}  // namespace

void note_bundle_length(storage::WriteBatch& batch, const storage::ObjectId& bundle, std::size_t length) {
  std::array<std::uint8_t, 4> value{};
  put_le32(value.data(), static_cast<std::uint32_t>(length));
  batch.put(storage::Table::state, length_key(bundle), value);
}

Result<std::unordered_set<storage::ObjectId>> load_sparse_bundles(const storage::Database& database) {
  BEFFROI_TRY(const auto stored, database.get(storage::Table::state, as_bytes(kSparseKey)));
  std::unordered_set<storage::ObjectId> out;
  if (!stored) return out;
  storage::CborReader in(*stored);
  for (std::size_t left = in.array(kMaxSparseBundles); left > 0; --left) out.insert(in.fixed<storage::ObjectId>());
  in.leave();
  if (!in.finish()) return std::unexpected(storage::malformed(N_("stored list of bundles")));
  return out;
}

void BundleUse::add(const storage::Entry& entry) {
  for (const storage::Segment& segment : entry.segments) {
    if (!segment.in_bundle || !segment.object) continue;
    Use& use = bundles_[segment.object->id];
    if (use.last_offset != segment.offset) use.bytes += segment.length;
    use.last_offset = segment.offset;
  }
}

Result<void> BundleUse::save(storage::Database& database) const {
  std::vector<storage::ObjectId> sparse;
  for (const auto& [id, use] : bundles_) {
    if (sparse.size() == kMaxSparseBundles) break;
    // Most bundles are full: no need to ask for their length.
    if (use.bytes >= storage::kBundleTargetBytes / 2 + storage::kSmallFileBytes) continue;
    BEFFROI_TRY(const auto length, database.get(storage::Table::state, length_key(id)));
    if (length && length->size() == 4 && use.bytes * 2 < get_le32(length->data())) sparse.push_back(id);
  }
  storage::CborWriter out;
  out.array(sparse.size());
  for (const auto& id : sparse) out.bytes(id);
  return database.put(storage::Table::state, as_bytes(kSparseKey), out.take(), storage::Durability::buffered);
}

}  // namespace beffroi::daemon
