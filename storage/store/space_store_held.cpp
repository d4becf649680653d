// What has gone from a space, and what is still held.
#include <unordered_set>

#include "storage/store/space_rows.h"

namespace beffroi::storage {
namespace {

Bytes row(const SpaceId& space, ByteView kind, ByteView rest = {}) { return join_key({space, kind, rest}); }

Result<std::unordered_set<CommitId>> all_expired(const SpaceStore& store) {
  std::unordered_set<CommitId> out;
  BEFFROI_CHECK(store.for_each_expired([&](const CommitId& id, std::uint64_t) {
    out.insert(id);
    return true;
  }));
  return out;
}

/// Joins branches, expiries and receipts: each table is read once, in its order.
class HeldCommits {
 public:
  /// The next row of Table::branches.
  Result<void> add(ByteView key, ByteView value) {
    BEFFROI_TRY(const BranchHead branch, decode_branch(key, value));
    rows_.push_back({.device = branch.device,
                     .held = {.commit = branch.commit, .sequence = branch.sequence, .receipted = {}, .log_head = {}}});
    return {};
  }
  /// Behind the last row. Commits of `expired` are left out.
  void index(const std::unordered_set<CommitId>& expired) {
    by_commit_.reserve(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (!expired.contains(rows_[i].held.commit)) by_commit_.emplace(rows_[i].held.commit, i);
  }
  /// The next receipt of the space.
  Result<void> take_receipt(ByteView encoded) {
    BEFFROI_TRY(const Receipt receipt, parse_receipt(encoded));
    const UnixTime time = times_.next(receipt.peer_time);
    const auto found = by_commit_.find(receipt.commit);
    if (found == by_commit_.end()) return {};
    Row& row = rows_[found->second];
    row.receipted = true;
    row.held.receipted = time;
    row.held.log_head = receipt.log_head;
    return {};
  }
  std::map<DeviceId, std::vector<ReceiptedCommit>> take() const {
    std::map<DeviceId, std::vector<ReceiptedCommit>> out;
    for (const Row& row : rows_)
      if (row.receipted) out[row.device].push_back(row.held);
    return out;
  }

 private:
  struct Row {
    DeviceId device;
    ReceiptedCommit held;
    bool receipted = false;
  };
  std::vector<Row> rows_;
  std::unordered_map<CommitId, std::size_t> by_commit_;
  ReceiptTimes times_;
};

/// Scans, and gives what `visit` returned when that is an error: it stops then.
Result<void> scan_all(const Database& database, Table table, ByteView prefix,
                      const std::function<Result<void>(ByteView key, ByteView value)>& visit) {
  Result<void> outcome;
  BEFFROI_CHECK(database.scan(table, prefix, [&](ByteView key, ByteView value) {
    outcome = visit(key, value);
    return outcome.has_value();
  }));
  return outcome;
}

Result<std::map<DeviceId, std::vector<ReceiptedCommit>>> join(const Database& database, const SpaceStore& store,
                                                              ByteView branches) {
  HeldCommits held;
  BEFFROI_CHECK(scan_all(database, Table::branches, branches,
                         [&](ByteView key, ByteView value) { return held.add(key, value); }));
  BEFFROI_TRY(const auto expired, all_expired(store));
  held.index(expired);
  BEFFROI_CHECK(scan_all(database, Table::receipts, row(store.space(), kReceiptRow),
                         [&](ByteView, ByteView receipt) { return held.take_receipt(receipt); }));
  return held.take();
}

}  // namespace

Result<std::optional<Bytes>> SpaceStore::expiry(std::uint64_t counter) const {
  return database_.get(Table::receipts, row(space_, kExpiryRow, be64(counter)));
}

Result<std::optional<std::pair<std::uint64_t, Bytes>>> SpaceStore::newest_expiry() const {
  BEFFROI_TRY(auto last, database_.last(Table::receipts, row(space_, kExpiryRow)));
  if (!last) return std::nullopt;
  return std::pair(trailing_be64(last->key), std::move(last->value));
}

Result<std::optional<std::uint64_t>> SpaceStore::expired(const CommitId& commit) const {
  BEFFROI_TRY(const auto counter, database_.get(Table::receipts, row(space_, kExpiryOfCommit, commit)));
  if (!counter) return std::nullopt;
  if (counter->size() != sizeof(std::uint64_t)) return damaged_row();
  return trailing_be64(*counter);
}

Result<void> SpaceStore::for_each_expired(
    const std::function<bool(const CommitId&, std::uint64_t counter)>& visit) const {
  const Bytes prefix = row(space_, kExpiryOfCommit);
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::receipts, prefix, [&](ByteView key, ByteView value) {
    const auto commit = CommitId::from(key.subspan(prefix.size()));
    if (!commit || value.size() != sizeof(std::uint64_t)) {
      outcome = damaged_row();
      return false;
    }
    return visit(*commit, trailing_be64(value));
  }));
  return outcome;
}

void SpaceStore::put_expiry(WriteBatch& batch, const Expiry& expiry, ByteView encoded) const {
  batch.put(Table::receipts, row(space_, kExpiryRow, be64(expiry.counter)), encoded);
  for (const Expiry::Gone& gone : expiry.gone)
    batch.put(Table::receipts, row(space_, kExpiryOfCommit, gone.commit), be64(expiry.counter));
}

Result<std::vector<ReceiptedCommit>> SpaceStore::held_commits(const DeviceId& device) const {
  BEFFROI_TRY(auto branches, join(database_, *this, join_key({space_, device})));
  return std::move(branches[device]);
}

Result<std::map<DeviceId, std::vector<ReceiptedCommit>>> SpaceStore::held_branches() const {
  return join(database_, *this, space_);
}

Result<void> SpaceStore::for_each_held_root(
    const std::function<bool(const CommitId&, const ObjectId& root)>& visit) const {
  BEFFROI_TRY(const auto expired, all_expired(*this));
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::commits, space_, [&](ByteView key, ByteView encoded) {
    const auto id = CommitId::from(key.subspan(SpaceId::size_bytes));
    if (id && expired.contains(*id)) return true;
    const auto commit = decode_commit(encoded);
    if (!commit) outcome = forward_error(commit);
    if (commit && id != commit->id) outcome = damaged_row();
    return outcome && visit(commit->id, commit->clear.root);
  }));
  return outcome;
}

}  // namespace beffroi::storage
