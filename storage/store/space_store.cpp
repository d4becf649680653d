#include "storage/store/space_store.h"

#include "storage/store/space_rows.h"

namespace beffroi::storage {
namespace {

Bytes record_key(const SpaceId& space, std::uint64_t sequence) { return join_key({space, be64(sequence)}); }
Bytes commit_key(const SpaceId& space, const CommitId& id) { return join_key({space, id}); }
Bytes branch_key(const SpaceId& space, const DeviceId& device, std::uint64_t sequence) {
  return join_key({space, device, be64(sequence)});
}
Bytes receipt_key(const SpaceId& space, std::uint64_t counter) { return join_key({space, kReceiptRow, be64(counter)}); }

}  // namespace

Result<BranchHead> decode_branch(ByteView key, ByteView value) {
  if (key.size() != SpaceId::size_bytes + DeviceId::size_bytes + 8) return damaged_row();
  const auto commit = CommitId::from(value);
  if (!commit) return damaged_row();
  return BranchHead{.device = *DeviceId::from(key.subspan(SpaceId::size_bytes, DeviceId::size_bytes)),
                    .sequence = trailing_be64(key),
                    .commit = *commit};
}

SpaceStore::SpaceStore(Database& database, SpaceId space) : database_(database), space_(space) {}

Result<SpaceLog> SpaceStore::load_log() const {
  BEFFROI_TRY(const auto records, records_from(0, SIZE_MAX));
  if (records.empty()) return fail(ErrorCode::not_found, N_("The space {} is not here."), space_.hex());
  return SpaceLog::from_records(records, space_);
}

Result<std::vector<Bytes>> SpaceStore::records_from(std::uint64_t sequence, std::size_t max_bytes) const {
  std::vector<Bytes> out;
  std::size_t left = max_bytes;
  BEFFROI_CHECK(database_.scan(Table::records, space_, record_key(space_, sequence), [&](ByteView, ByteView record) {
    if (record.size() > left && !out.empty()) return false;
    left -= std::min(left, record.size());
    out.push_back(to_bytes(record));
    return true;
  }));
  return out;
}

Result<void> SpaceStore::append_record(std::uint64_t sequence, ByteView record) {
  const Bytes key = record_key(space_, sequence);
  BEFFROI_TRY(const auto known, database_.get(Table::records, key));
  if (known && !std::ranges::equal(*known, record))
    return fail(ErrorCode::conflict, N_("Record {} of the space {} is another one already."), std::to_string(sequence),
                space_.hex());
  return database_.put(Table::records, key, record, Durability::synced);
}

void SpaceStore::put_log(WriteBatch& batch, std::span<const Bytes> records) const {
  batch.remove_prefix(Table::records, space_);
  for (std::size_t sequence = 0; sequence < records.size(); ++sequence)
    batch.put(Table::records, record_key(space_, sequence), records[sequence]);
}

Result<std::optional<Bytes>> SpaceStore::commit(const CommitId& id) const {
  return database_.get(Table::commits, commit_key(space_, id));
}

Result<std::optional<CommitId>> SpaceStore::branch_commit(const DeviceId& device, std::uint64_t sequence) const {
  BEFFROI_TRY(const auto value, database_.get(Table::branches, branch_key(space_, device, sequence)));
  if (!value) return std::nullopt;
  const auto id = CommitId::from(*value);
  if (!id) return damaged_row();
  return id;
}

Result<std::optional<BranchHead>> SpaceStore::branch_head(const DeviceId& device) const {
  BEFFROI_TRY(const auto last, database_.last(Table::branches, join_key({space_, device})));
  if (!last) return std::nullopt;
  BEFFROI_TRY(const BranchHead head, decode_branch(last->key, last->value));
  return head;
}

Result<std::vector<BranchHead>> SpaceStore::heads() const {
  std::vector<BranchHead> out;
  Bytes from = to_bytes(space_);
  while (true) {
    BEFFROI_TRY(const auto next, database_.first(Table::branches, space_, from));
    if (!next) return out;
    BEFFROI_TRY(const BranchHead first, decode_branch(next->key, next->value));
    BEFFROI_TRY(const auto head, branch_head(first.device));
    out.push_back(head.value_or(first));
    // Sequence numbers end long before this one: the next key is another device's.
    from = branch_key(space_, first.device, UINT64_MAX);
    if (out.back().sequence == UINT64_MAX) return damaged_row();
  }
}

Result<void> SpaceStore::for_each_commit(
    const std::function<bool(const CommitId&, const Bytes& encoded)>& visit) const {
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::branches, space_, [&](ByteView key, ByteView value) {
    const auto branch = decode_branch(key, value);
    if (!branch) {
      outcome = forward_error(branch);
      return false;
    }
    const auto encoded = commit(branch->commit);
    if (!encoded) outcome = forward_error(encoded);
    if (encoded && !*encoded) outcome = damaged_row();
    return outcome && visit(branch->commit, **encoded);
  }));
  return outcome;
}

void SpaceStore::put_commit(WriteBatch& batch, const Commit& commit, ByteView encoded) const {
  batch.put(Table::commits, commit_key(space_, commit.id), encoded);
  batch.put(Table::branches, branch_key(space_, commit.clear.device, commit.clear.sequence), commit.id);
}

void SpaceStore::unlink_commit(WriteBatch& batch, const Commit& commit) const {
  batch.remove(Table::branches, branch_key(space_, commit.clear.device, commit.clear.sequence));
}

Result<std::optional<Bytes>> SpaceStore::receipt(std::uint64_t counter) const {
  return database_.get(Table::receipts, receipt_key(space_, counter));
}

Result<std::optional<std::pair<std::uint64_t, Bytes>>> SpaceStore::newest_receipt() const {
  BEFFROI_TRY(auto last, database_.last(Table::receipts, join_key({space_, kReceiptRow})));
  if (!last) return std::nullopt;
  return std::pair(trailing_be64(last->key), std::move(last->value));
}

Result<std::optional<Bytes>> SpaceStore::receipt_of(const CommitId& commit) const {
  BEFFROI_TRY(const auto counter, database_.get(Table::receipts, join_key({space_, kReceiptOfCommit, commit})));
  if (!counter) return std::nullopt;
  return receipt(trailing_be64(*counter));
}

void SpaceStore::put_receipt(WriteBatch& batch, const Receipt& receipt, ByteView encoded) const {
  batch.put(Table::receipts, receipt_key(space_, receipt.counter), encoded);
  batch.put(Table::receipts, join_key({space_, kReceiptOfCommit, receipt.commit}), be64(receipt.counter));
}

Result<void> SpaceStore::write(WriteBatch& batch, Durability durability) const {
  return database_.write(batch, durability);
}

Result<void> SpaceStore::erase() {
  WriteBatch batch;
  for (const Table table : {Table::records, Table::commits, Table::branches, Table::receipts, Table::leases})
    batch.remove_prefix(table, space_);
  return database_.write(batch, Durability::synced);
}

Result<std::vector<SpaceId>> SpaceStore::list(const Database& database) {
  std::vector<SpaceId> out;
  Bytes from;
  while (true) {
    BEFFROI_TRY(const auto next, database.first(Table::records, {}, from));
    if (!next) return out;
    const auto space = SpaceId::from(ByteView(next->key).first(std::min(next->key.size(), SpaceId::size_bytes)));
    if (!space) return damaged_row();
    out.push_back(*space);
    // Behind all records of this space.
    from = record_key(*space, UINT64_MAX);
    from.push_back(0);
  }
}

}  // namespace beffroi::storage
