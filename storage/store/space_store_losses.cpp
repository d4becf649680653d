// What a peer declared lost: the declarations, and the receipts and expiries that they took out of their chains.
#include "crypto/hash.h"
#include "storage/store/space_rows.h"

namespace beffroi::storage {
namespace {

Bytes row(const SpaceId& space, ByteView kind, std::uint64_t place) { return join_key({space, kind, be64(place)}); }

Bytes row(const SpaceId& space, ByteView kind, std::uint64_t place, std::uint64_t counter) {
  return join_key({space, kind, be64(place), be64(counter)});
}

Result<std::vector<Bytes>> values(const Database& database, ByteView prefix) {
  std::vector<Bytes> out;
  BEFFROI_CHECK(database.scan(Table::receipts, prefix, [&](ByteView, ByteView value) {
    out.push_back(to_bytes(value));
    return true;
  }));
  return out;
}

// From the newest loss backwards: those that it does not descend from the peer has forgotten, with all that followed.
template <class Id>
std::optional<Id> link_in(const std::vector<Loss>& losses, const ChainEnd<Id>& end, ChainLoss<Id> Loss::* chain) {
  std::optional<LossId> next;
  if (!losses.empty()) next = losses.back().id;
  for (auto loss = losses.rbegin(); loss != losses.rend() && next; ++loss) {
    if (loss->id != *next) continue;
    if ((*loss.*chain).head == end) return Id{loss->id.data};
    next = loss->previous;
  }
  return end.id;
}

}  // namespace

Result<std::vector<Bytes>> SpaceStore::encoded_losses() const {
  return values(database_, join_key({space_, kLossRow}));
}

Result<std::vector<Loss>> SpaceStore::losses() const {
  BEFFROI_TRY(const auto rows, encoded_losses());
  std::vector<Loss> out;
  for (const Bytes& encoded : rows) {
    BEFFROI_TRY(Loss loss, parse_loss(encoded));
    out.push_back(std::move(loss));
  }
  return out;
}

void SpaceStore::put_loss(WriteBatch& batch, std::uint64_t place, ByteView encoded) const {
  batch.put(Table::receipts, row(space_, kLossRow, place), encoded);
}

Result<std::optional<ReceiptId>> SpaceStore::link_after(const ChainEnd<ReceiptId>& end) const {
  BEFFROI_TRY(const auto known, losses());
  return link_in(known, end, &Loss::receipts);
}

Result<std::optional<ExpiryId>> SpaceStore::link_after(const ChainEnd<ExpiryId>& end) const {
  BEFFROI_TRY(const auto known, losses());
  return link_in(known, end, &Loss::expiries);
}

Result<bool> SpaceStore::may_name_lost_receipt(const DeviceId& device, std::uint64_t sequence) const {
  BEFFROI_TRY(const auto known, losses());
  if (known.empty()) return false;
  if (sequence <= 1) return true;
  BEFFROI_TRY(const auto id, branch_commit(device, sequence - 1));
  if (!id) return true;
  BEFFROI_TRY(const auto encoded, commit(*id));
  if (!encoded) return true;
  BEFFROI_TRY(const Commit before, decode_commit(*encoded));
  if (!before.clear.last_receipt) return true;
  BEFFROI_TRY(const auto newest, newest_receipt());
  for (std::uint64_t counter = newest ? newest->first : 0; counter > known.back().receipts.head.counter; --counter) {
    BEFFROI_TRY(const auto given, receipt(counter));
    if (given && crypto::hash256(crypto::labels::receipt_id, *given) == before.clear.last_receipt->data) return false;
  }
  return true;
}

void SpaceStore::lose_receipt(WriteBatch& batch, std::uint64_t place, const Receipt& receipt, ByteView encoded) const {
  batch.put(Table::receipts, row(space_, kLostReceipt, place, receipt.counter), encoded);
  batch.remove(Table::receipts, row(space_, kReceiptRow, receipt.counter));
  batch.remove(Table::receipts, join_key({space_, kReceiptOfCommit, receipt.commit}));
}

void SpaceStore::lose_expiry(WriteBatch& batch, std::uint64_t place, const Expiry& expiry, ByteView encoded) const {
  batch.put(Table::receipts, row(space_, kLostExpiry, place, expiry.counter), encoded);
  batch.remove(Table::receipts, row(space_, kExpiryRow, expiry.counter));
  for (const Expiry::Gone& gone : expiry.gone)
    batch.remove(Table::receipts, join_key({space_, kExpiryOfCommit, gone.commit}));
}

Result<std::vector<Bytes>> SpaceStore::lost_receipts(std::uint64_t place) const {
  return values(database_, row(space_, kLostReceipt, place));
}

Result<std::vector<Bytes>> SpaceStore::lost_expiries(std::uint64_t place) const {
  return values(database_, row(space_, kLostExpiry, place));
}

}  // namespace beffroi::storage
