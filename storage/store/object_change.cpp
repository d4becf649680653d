#include "storage/store/object_change.h"

#include "crypto/assert.h"
#include "storage/store/keys.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kCountersBytes = 24;

Bytes evictable_key(const SpaceId& space, const ObjectRow& row) {
  return join_key({space, be32(row.info.epoch.value), be64(row.info.insertion)});
}
bool listed(const std::optional<ObjectRow>& row) { return row && is_evictable(row->info); }

}  // namespace

Bytes object_key(const SpaceId& space, const ObjectId& id) { return join_key({space, id}); }
Bytes counters_key(const SpaceId& space) { return join_key({as_bytes("usage/"), space}); }

Result<SpaceCounters> load_counters(const Database& database, const SpaceId& space) {
  BEFFROI_TRY(const auto value, database.get(Table::state, counters_key(space)));
  if (!value) return SpaceCounters{};
  if (value->size() != kCountersBytes)
    return fail(ErrorCode::corrupt, N_("The local store's counters of a space are damaged. Check the disk."));
  return SpaceCounters{.usage = {.objects = get_le64(value->data()), .sealed_bytes = get_le64(value->data() + 8)},
                       .insertions = get_le64(value->data() + 16)};
}

void ObjectChange::replace(const ObjectId& id, const std::optional<ObjectRow>& before,
                           const std::optional<ObjectRow>& after) {
  changed_ = true;
  const Bytes key = object_key(space_, id);
  if (after)
    batch_.put(Table::info, key, encode_row(*after));
  else
    batch_.remove(Table::info, key);
  if (listed(before)) batch_.remove(Table::evictable, evictable_key(space_, *before));
  if (listed(after)) batch_.put(Table::evictable, evictable_key(space_, *after), id);
  count(before, false);
  count(after, true);
}

void ObjectChange::put_bytes(const ObjectId& id, ByteView bytes) {
  batch_.put(Table::objects, object_key(space_, id), bytes);
}
void ObjectChange::remove_bytes(const ObjectId& id) { batch_.remove(Table::objects, object_key(space_, id)); }

void ObjectChange::count(const std::optional<ObjectRow>& row, bool add) {
  if (!row || !is_here(row->info)) return;
  StoreUsage& usage = counters_.usage;
  if (add) {
    ++usage.objects;
    usage.sealed_bytes += row->info.sealed_bytes;
    return;
  }
  BEFFROI_ASSERT(usage.objects > 0 && usage.sealed_bytes >= row->info.sealed_bytes);
  --usage.objects;
  usage.sealed_bytes -= row->info.sealed_bytes;
}

Result<SpaceCounters> ObjectChange::write(Database& database, std::uint64_t since) {
  if (!changed_) return counters_;
  Bytes value(kCountersBytes);
  put_le64(value.data(), counters_.usage.objects);
  put_le64(value.data() + 8, counters_.usage.sealed_bytes);
  put_le64(value.data() + 16, counters_.insertions);
  batch_.put(Table::state, counters_key(space_), value);
  BEFFROI_CHECK(database.write_since(since, batch_, Durability::buffered));
  return counters_;
}

}  // namespace beffroi::storage
