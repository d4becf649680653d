// A station's replica of one space: keys, log, local store and branch, as one object that backup, restore, check, push
// and shared folders work on. Its own vault is one, each of its shares another, in a data folder of its own.
// Files in the data folder: keys (0600: device keys), db/ (RocksDB), founded lazily by found().
#pragma once

#include <memory>
#include <mutex>

#include "daemon/service/clock.h"
#include "storage/format/sealing.h"
#include "storage/space/ceremony.h"
#include "storage/store/dedup_index.h"
#include "storage/store/file_cache.h"
#include "storage/store/limits.h"
#include "storage/store/object_store.h"
#include "storage/store/space_store.h"
#include "storage/tree/tree.h"

namespace beffroi::daemon {

using crypto::DeviceId;

inline constexpr std::size_t kMaxNotedLosses = 1024;
/// Rows of Table::state whose keys begin with this name a tree each that no commit holds and that a collection keeps.
inline constexpr std::string_view kKeptRootPrefix = "share/kept_root/";
/// What the peer dates further ahead of this machine's clock than this is not gone by: what is here must not go because
/// of a wrong clock, or of a peer that says any date.
inline constexpr std::int64_t kClockLeewayS = 24 * 3600;

/// A snapshot as the vault knows it: commit, opened sealed part, receipt if any.
struct Snapshot {
  storage::Commit commit;
  storage::CommitSealed sealed;
  std::optional<storage::UnixTime> receipt_time;
  std::optional<std::uint64_t> receipt_counter;
  bool aside = false;  ///< kept here, in no branch: the peer will never take it
};

/// What a join or a recovery taught about the peer; kept in the state table.
struct PeerBinding {
  storage::PeerPublic peer;
  std::string address;
};

/// A loss that the peer declared, and what it took out of the chains here.
struct PeerLoss {
  storage::Loss loss;
  std::uint64_t receipts = 0;
  std::uint64_t expiries = 0;
  /// Snapshots of this device whose receipts it took out, and which were set aside since: they can't be sent again.
  std::uint64_t unsendable = 0;
};

/// A deletion that the log orders, as this station sees it.
struct Deletion {
  enum class State : std::uint8_t {
    waiting,
    cancelled,  ///< by a record of the log; what the peer's operator stopped is known to the peer alone
    done,       ///< none of its snapshots is listed here any more
  };
  storage::RecordId id;
  std::vector<storage::CommitId> commits;
  storage::UnixTime signed_at;  ///< by the clock of the machine on which it was signed
  storage::UnixTime due;        ///< not before: deletion_wait.h
  State state = State::waiting;
};

/// Thread-safe. One per space and station.
class Vault {
 public:
  /// Makes the data folder of a share, before it is opened for the first time, with the keys that this device has in
  /// it. Twice with the same keys is once; already_exists: it has others. Durable.
  static Result<void> prepare(const std::string& data_folder, const crypto::DeviceKeys& keys);
  /// Opens the data folder; the vault may not be founded yet.
  static Result<std::unique_ptr<Vault>> open(const std::string& data_folder, Clock& clock, crypto::Random& random,
                                             const storage::DatabaseOptions& options = {});
  ~Vault();

  bool founded() const;
  /// Makes the device keys when there are none and says what the root needs to admit this device.
  Result<storage::DeviceRequest> device_request();
  /// Takes the records from the genesis on (init, create: those that the root signed; recover, join: the whole log).
  /// Verifies all; wrong_state when founded; refused: a space of another kind.
  Result<void> found(std::span<const Bytes> records, storage::SpaceKind kind = storage::SpaceKind::vault);

  storage::SpaceId space() const;
  std::string name() const;
  const crypto::DeviceKeys& device_keys() const;
  DeviceId device_id() const { return device_keys().public_part().id(); }
  /// A consistent copy.
  storage::SpaceLog log() const;
  /// How many records it has; costs no copy.
  std::uint64_t log_length() const;
  /// Verifies, stores, and opens new epochs. The first ones may be there already: several sessions bring them.
  Result<void> append_records(std::span<const Bytes> records);
  std::shared_ptr<const storage::KeyRing> keys() const;
  /// The keys that read trees of a content generation (CommitSealed::content_generation); refused when there are none.
  Result<std::shared_ptr<const storage::KeyRing>> keys_for(std::uint32_t content_generation) const;
  /// Can this device write now? wrong_state while the keys are being renewed, or when the newest ones do not open.
  Result<void> can_write() const;
  /// Epochs whose keys are not as they should be: each is worth an alarm that names the signer.
  std::vector<storage::EpochProblem> key_problems() const;

  Clock& clock();
  storage::Database& database();
  storage::ObjectStore& objects();
  storage::SpaceStore& store();
  storage::DedupIndex& dedup();
  storage::FileCache& files();

  /// Reads from the local store only.
  std::shared_ptr<storage::ObjectSource> local_source();

  std::optional<PeerBinding> peer() const;
  Result<void> bind_peer(const PeerBinding& peer);
  std::optional<storage::Receipt> newest_receipt() const;
  /// Verifies against the bound peer's key and the chain, stores, marks the commit's closure receipted.
  /// corrupt when it contradicts an earlier receipt (a fork or rollback: the sentence says so).
  Result<void> accept_receipt(ByteView encoded);

  /// Losses that the peer declared, oldest first; with those that it has forgotten since.
  Result<std::vector<PeerLoss>> peer_losses() const;
  /// Takes all losses that the peer shows, oldest first; `known`: how many there were here before it was asked.
  /// Verifies signatures and chain. Receipts and expiries that the peer lacks by a new one leave their chains and are
  /// kept as evidence: their snapshots wait to be sent again, other devices' stay here in no branch until the peer
  /// shows them again, those that had expired are listed again. Durable. How many were new. corrupt, and nothing
  /// changes, when the peer hides a loss, or lacks what is older than it says.
  Result<std::size_t> accept_losses(std::span<const Bytes> shown, std::size_t known);

  /// Counter of the newest expiry known here; 0 before the first.
  Result<std::uint64_t> newest_expiry() const;
  /// For each in turn: verifies signature and chain, and that this vault's rules say the same; stores it, durably: its
  /// snapshots are listed no more, and what only they need is no longer held here. At the first one that is not right
  /// it ends, and those before it stay taken: corrupt when a rule keeps one of its snapshots, or it was decided by a
  /// log that is not here; conflict: an earlier one is not known here; wrong_state: dated more than kClockLeewayS ahead
  /// of our clock. Log, commits and receipts are those that the peer showed after it had shown these.
  Result<void> accept_expiries(std::span<const Bytes> encoded);
  /// The date for which the last expiry that was looked at was not taken, as ours was that far behind it; nullopt: it
  /// was taken, or there was none.
  Result<std::optional<storage::UnixTime>> refused_expiry_date() const;
  /// All deletions of the log, oldest first. Costs no copy of the log.
  std::vector<Deletion> deletions() const;

  /// Takes snapshots off this station's lists, durably: what only they need is no longer held here. Their commits stay
  /// in the branch. wrong_state with a peer, which alone decides then; not_found, and nothing changes, when one is no
  /// snapshot here.
  Result<void> forget(std::span<const storage::CommitId> commits);
  /// What forget() took, ascending.
  Result<std::vector<storage::CommitId>> forgotten() const;
  /// Snapshots went, and what only they needed was not collected since. Survives a crash.
  bool collection_due() const;
  /// A collection begins, before it looks which snapshots are here.
  Result<void> note_collecting();
  /// The collection that began last has ended. Durable. When snapshots went since it began, one stays due.
  Result<void> note_collected();
  /// Snapshots went, and since then not every snapshot here has got its receipt: what those without one share with
  /// those that went is marked as receipted, and the peer may lack it. True also when that can't be read.
  bool marks_are_unsure() const;
  /// May receipted bytes be evicted? Not while a collection is due, nor as long as marks are unsure: they are until
  /// this finds that every snapshot has its receipt.
  Result<bool> may_evict();
  /// Evicts about so many sealed bytes of what the peer has, if that may be; nothing can become due in between. How
  /// many they were.
  Result<std::uint64_t> evict_receipted(std::uint64_t bytes);

  /// Objects that the peer gave a receipt for and did not give back when it was asked: ascending, kMaxNotedLosses at
  /// most.
  Result<std::vector<storage::ObjectId>> lost_by_peer() const;
  /// Remembers them, durably, until note_given_back(). Bytes that are here are no longer evicted; what is not here
  /// counts as absent, so that the next backup stores it anew.
  Result<void> note_lost_by_peer(std::span<const storage::ObjectId> ids);
  Result<void> note_given_back(std::span<const storage::ObjectId> ids);

  /// Signs and stores a commit on this device's branch; durable when it returns. Fills device, sequence, parents (this
  /// branch's head, after a recovery the recovered heads), epoch, log head, last receipt and clock. `extra_parents`:
  /// commits of other branches whose trees this one takes in, in any order, with or without those. not_found, and
  /// nothing changes: one of them is no snapshot here, or was set aside; limit_exceeded: more than kMaxParents in all.
  Result<storage::Commit> commit(const storage::TreeRoot& root, storage::CommitSealed sealed, std::uint32_t flags,
                                 std::span<const storage::CommitId> extra_parents = {});
  /// Stores a commit of another device that the log accepts; survives kill -9, durable after the next synced write. One
  /// whose sealed part does not open is kept as evidence and is no snapshot.
  Result<void> adopt_commit(ByteView encoded);

  /// All snapshots, oldest first. Partial ones included.
  Result<std::vector<Snapshot>> snapshots() const;
  /// The one with this id; nullopt: it is no snapshot here.
  std::optional<Snapshot> snapshot(const storage::CommitId& id) const;
  /// `latest` or a unique prefix of the hexadecimal id (at least 4 digits). not_found / usage (ambiguous).
  Result<Snapshot> resolve(const std::string& name) const;
  /// Newest commit of this branch, or of the branch that it continues; nullopt before the first.
  Result<std::optional<Snapshot>> latest() const;
  /// The newest of them that is not partial; a partial one when there are no others.
  Result<std::optional<Snapshot>> latest_complete() const;
  /// Commits of this branch that have no receipt, oldest first. Those that were set aside are in no branch.
  Result<std::vector<storage::Commit>> unreceipted() const;
  /// Takes the commits behind the last one with a receipt out of this branch, so that the next commit continues that
  /// one: for when the peer will never take them. They stay snapshots that are listed, restored and checked here, with
  /// all their objects: they may hold what nothing else does. Only right after a state exchange: the peer may have
  /// taken one whose receipt was lost. Returns how many there were; durable.
  Result<std::size_t> set_aside_pending();
  /// The same, if any of them is of an older epoch than the log's, or comes after one that was forgotten here before
  /// the peer was joined; else 0.
  Result<std::size_t> set_aside_unpushable();

  /// Held while a backup runs: there is one at a time.
  std::unique_lock<std::mutex> try_begin_backup();

 private:
  struct State;
  explicit Vault(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace beffroi::daemon
