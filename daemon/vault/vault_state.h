// What a Vault holds. Internal to daemon/vault/.
#pragma once

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// Adds to a batch that snapshots went: Vault::collection_due().
void put_collection_due(storage::WriteBatch& batch);
/// Adds to a batch that a commit, which it takes out of its branch, was set aside; that one was forgotten.
void put_aside(storage::WriteBatch& batch, const storage::CommitId& commit);
void put_forgotten(storage::WriteBatch& batch, const storage::CommitId& commit);

/// Two locks: `writing` serialises what changes the database, `facts` guards the members below it for the moment of a
/// copy. Taken in this order.
struct Vault::State {
  State(std::string folder, Clock& clock_seam, crypto::Random& random_source)
      : data_folder(std::move(folder)), clock(clock_seam), random(random_source) {}

  const std::string data_folder;
  Clock& clock;
  crypto::Random& random;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<storage::ObjectStore> objects;
  std::unique_ptr<storage::FileCache> files;
  std::mutex writing;
  std::uint64_t reopenings = 0;  ///< of the database, when the members below were right; under `writing`
  std::mutex backing_up;

  mutable std::mutex facts;
  std::optional<crypto::DeviceKeys> device;
  // All of these exist once the vault is founded, and stay.
  std::unique_ptr<storage::SpaceStore> store;
  std::unique_ptr<storage::DedupIndex> dedup;
  std::shared_ptr<storage::ObjectSource> source;
  std::optional<storage::SpaceLog> log;
  std::shared_ptr<const storage::KeyRing> keys;
  std::map<std::uint32_t, std::shared_ptr<const storage::KeyRing>> generations;
  std::vector<storage::EpochProblem> key_problems;
  std::string name;

  std::optional<PeerBinding> peer;
  std::optional<storage::Receipt> newest_receipt;
  std::map<storage::CommitId, Snapshot> snapshots;  ///< those that the log accepts, set aside or not

  /// Every change begins with it, under the lock `writing`: when a full disk was got over since the last one, reads
  /// what the tables hold.
  Result<void> catch_up();
  Result<void> load_newest_receipt();
  /// What a declared loss takes out of the chains, with its encoding.
  struct CutOff {
    std::vector<std::pair<storage::Receipt, Bytes>> receipts;
    std::vector<std::pair<storage::Expiry, Bytes>> expiries;
  };
  Result<std::uint64_t> count_unsendable(std::span<const Bytes> lost_receipts) const;
  Result<void> keep_as_evidence(storage::WriteBatch& batch, std::uint64_t place, const CutOff& cut_off);
  /// Takes what lost its receipt, and all behind it, out of the branches of other devices.
  Result<void> unlink_lost(storage::WriteBatch& batch, const CutOff& cut_off);
  Result<void> unlink_from(storage::WriteBatch& batch, const DeviceId& author, std::uint64_t sequence,
                           const std::set<storage::CommitId>& gone);
  /// Takes a verified log as the vault's, opens its keys and reads what the tables hold of it.
  Result<void> take_log(storage::SpaceLog verified);
  /// Under the lock `facts`.
  void take_access(storage::SpaceAccess access);
  /// Reads `snapshots` anew from the tables.
  Result<void> load_snapshots();
  Result<Snapshot> open_snapshot(storage::Commit commit) const;
  /// nullopt, with a line in the daemon's log: its sealed part does not open. It counts for nothing then, but does not
  /// stop what comes after it: a captured device must not block a vault with one commit.
  Result<std::optional<Snapshot>> open_if_sound(storage::Commit commit) const;
  Result<Snapshot> with_receipt(storage::Commit commit, storage::CommitSealed sealed) const;
  /// Commits whose trees the own branch continues: its head, or what a recovery listed. Ascending.
  Result<std::vector<storage::CommitId>> branch_parents() const;
  /// Those and `extra`, ascending. Takes the lock `facts`.
  Result<std::vector<storage::CommitId>> commit_parents(std::span<const storage::CommitId> extra) const;
  /// Own commits behind the last one with a receipt, oldest first. Takes the lock `facts`.
  std::vector<storage::Commit> pending_commits();
  /// Under the lock `writing`; takes `facts`.
  Result<std::size_t> set_aside(const std::vector<storage::Commit>& commits);
  Result<std::vector<storage::CommitId>> ids_aside() const;
  Result<std::vector<storage::CommitId>> ids_forgotten() const;
  /// Own commits that were forgotten and still stand in the branch behind the last one with a receipt.
  Result<std::vector<storage::Commit>> forgotten_pending() const;
  /// Commit ids in the keys of Table::state behind `prefix`.
  Result<std::vector<storage::CommitId>> noted_commits(std::string_view prefix) const;
  /// Under the lock `writing`; takes `facts`.
  Result<bool> may_evict();
  /// Everything that went, here or at the peer.
  Result<std::set<storage::CommitId>> ids_gone() const;
  Result<void> load_snapshot(ByteView encoded, bool aside);
  /// Marks what the peer has acknowledged as receipted, children before parents.
  Result<void> mark_closure(const storage::ObjectId& root);
};

}  // namespace beffroi::daemon
