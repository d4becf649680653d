// Durable log, commits, branches and receipts of spaces: the same tables on a station and on a peer.
#pragma once

#include "storage/space/expiry.h"
#include "storage/space/loss.h"
#include "storage/space/retention.h"
#include "storage/store/database.h"

namespace beffroi::storage {

struct BranchHead {
  DeviceId device;
  std::uint64_t sequence = 0;
  CommitId commit;
};

/// Thread-safe; the caller serialises writers of one space.
class SpaceStore {
 public:
  SpaceStore(Database& database, SpaceId space);
  const SpaceId& space() const { return space_; }

  /// Loads and verifies the log from its genesis. not_found when this space is not here.
  Result<SpaceLog> load_log() const;
  /// Encoded records from this sequence number on, in order: as many as fit, but at least one if there is any.
  Result<std::vector<Bytes>> records_from(std::uint64_t sequence, std::size_t max_bytes) const;
  /// Writes a record that a SpaceLog has accepted. Durable when it returns. The same record again changes nothing;
  /// another one in its place is refused: ErrorCode::conflict.
  Result<void> append_record(std::uint64_t sequence, ByteView record);
  /// Adds a whole log that a SpaceLog has accepted to a batch, in the place of all records that are here.
  void put_log(WriteBatch& batch, std::span<const Bytes> records) const;

  Result<std::optional<Bytes>> commit(const CommitId& id) const;
  /// Id of a branch's commit, nullopt when there is none.
  Result<std::optional<CommitId>> branch_commit(const DeviceId& device, std::uint64_t sequence) const;
  Result<std::optional<BranchHead>> branch_head(const DeviceId& device) const;
  /// Of all branches, ascending by device. Costs two seeks for each.
  Result<std::vector<BranchHead>> heads() const;
  /// All commits of the space, in (device, sequence) order; false stops.
  Result<void> for_each_commit(const std::function<bool(const CommitId&, const Bytes& encoded)>& visit) const;
  /// Adds commit and branch entry to a batch.
  void put_commit(WriteBatch& batch, const Commit& commit, ByteView encoded) const;
  /// Takes a commit out of its branch and keeps it. Only for the newest ones of a branch: the others are what later
  /// ones continue.
  void unlink_commit(WriteBatch& batch, const Commit& commit) const;

  Result<std::optional<Bytes>> receipt(std::uint64_t counter) const;
  Result<std::optional<std::pair<std::uint64_t, Bytes>>> newest_receipt() const;
  /// The receipt of a commit, if any.
  Result<std::optional<Bytes>> receipt_of(const CommitId& commit) const;
  void put_receipt(WriteBatch& batch, const Receipt& receipt, ByteView encoded) const;

  /// What has gone, by the peer's expiries. Commits that expired stay in commits and branches, and so in all that is
  /// above; only their objects go.
  Result<std::optional<Bytes>> expiry(std::uint64_t counter) const;
  Result<std::optional<std::pair<std::uint64_t, Bytes>>> newest_expiry() const;
  /// Counter of the expiry that names this commit; nullopt: it has not gone.
  Result<std::optional<std::uint64_t>> expired(const CommitId& commit) const;
  /// In the order of their ids; false stops.
  Result<void> for_each_expired(const std::function<bool(const CommitId&, std::uint64_t counter)>& visit) const;
  void put_expiry(WriteBatch& batch, const Expiry& expiry, ByteView encoded) const;
  /// The commits of a branch that have a receipt and did not expire, ascending by sequence: for retention_input().
  /// Reads all receipts of the space once, about 400 bytes of memory for each commit of the branch meanwhile. corrupt:
  /// a row that is none.
  Result<std::vector<ReceiptedCommit>> held_commits(const DeviceId& device) const;
  /// The same for all branches at the cost of one; those that hold nothing are left out.
  Result<std::map<DeviceId, std::vector<ReceiptedCommit>>> held_branches() const;
  /// Id and root of all commits that did not expire, those that are in no branch or have no receipt among them, in the
  /// order of their ids; false stops. corrupt: a commit that is damaged, so that the list would not be whole.
  Result<void> for_each_held_root(const std::function<bool(const CommitId&, const ObjectId& root)>& visit) const;

  /// Losses that the peer declared, verified before they were stored; each in its place, from 1 on.
  Result<std::vector<Loss>> losses() const;
  Result<std::vector<Bytes>> encoded_losses() const;
  void put_loss(WriteBatch& batch, std::uint64_t place, ByteView encoded) const;
  /// What the receipt, or expiry, behind this end of the chain names as its previous one: the newest loss that was
  /// declared there and that a later one does not pass over, else what ends there.
  Result<std::optional<ReceiptId>> link_after(const ChainEnd<ReceiptId>& end) const;
  Result<std::optional<ExpiryId>> link_after(const ChainEnd<ExpiryId>& end) const;
  /// May this number of a device's branch name a receipt that is not here? After a loss, until a commit before it names
  /// a receipt that was given since.
  Result<bool> may_name_lost_receipt(const DeviceId& device, std::uint64_t sequence) const;
  /// Takes it out of the chain, and keeps it with the loss in that place as evidence. Commits that only an expiry which
  /// is lost names are held again.
  void lose_receipt(WriteBatch& batch, std::uint64_t place, const Receipt& receipt, ByteView encoded) const;
  void lose_expiry(WriteBatch& batch, std::uint64_t place, const Expiry& expiry, ByteView encoded) const;
  /// What was kept of them with one loss, ascending.
  Result<std::vector<Bytes>> lost_receipts(std::uint64_t place) const;
  Result<std::vector<Bytes>> lost_expiries(std::uint64_t place) const;

  Result<void> write(WriteBatch& batch, Durability durability) const;
  /// Everything of this space in these tables, and its leases.
  Result<void> erase();
  /// Ids of all spaces that have a log here.
  static Result<std::vector<SpaceId>> list(const Database& database);

 private:
  Database& database_;
  SpaceId space_;
};

}  // namespace beffroi::storage
