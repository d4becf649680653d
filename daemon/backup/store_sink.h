// Where a backup's objects go: looked up by digest, compressed, sealed, and stored in batches, each batch's objects
// before its index entries and batch after batch, so that whatever the index names has its closure in the store: a
// crash at any moment leaves a store from which the next backup goes on. What is much goes to the disk ahead of its
// rows (ObjectStore::put_ahead) in lots of several batches; a thread of its own settles a lot while the next one fills.
#pragma once

#include <unordered_map>

#include "daemon/backup/presence.h"
#include "daemon/backup/space_guard.h"
#include "daemon/backup/work_queue.h"
#include "daemon/service/progress.h"

namespace beffroi::daemon {

inline constexpr std::size_t kStoreBatchBytes = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t kStoreBatchObjects = 1024;
/// A lot is less than a memtable of the objects' table, so that RocksDB never holds a writer up.
inline constexpr std::size_t kStoreLotBytes = std::size_t{12} * 1024 * 1024;
/// Ids that a run remembers for give_back(): 32 MiB of them.
inline constexpr std::size_t kMaxGiveBackObjects = 1024 * 1024;
/// Deltas build on deltas at most this deep: what is restored must be opened in a chain.
inline constexpr std::uint8_t kMaxDeltaHeight = 8;
/// A delta is used when it is at most this share of the chunk on its own.
inline constexpr std::size_t kDeltaGainPercent = 80;

/// How a piece of a file may be stored.
struct PieceRules {
  bool separate = false;                   ///< no delta, and shared with nothing that is one or lies in a bundle
  std::optional<storage::ObjectRef> base;  ///< chunk of the file's earlier version that this one may resemble
};

/// Thread-safe.
class StoreSink final : public storage::ObjectSink {
 public:
  /// `on_lot`: called with the ids of each lot that was settled, children before parents, by the settling thread.
  StoreSink(Vault& vault, Presence& presence, SpaceGuard& space, Progress& progress,
            std::function<int()> compression_level,
            std::function<void(std::span<const storage::ObjectId>)> on_lot = {});
  ~StoreSink() override;

  std::optional<storage::ObjectRef> find(storage::ObjectKind kind, const storage::Digest& digest) override;
  Result<storage::ObjectRef> put(storage::ObjectKind kind, const storage::Digest& digest,
                                 const storage::ChildTable& children, ByteView plaintext) override;

  /// Where content with this digest is, if it may be used again.
  Result<std::optional<storage::Segment>> find_segment(const storage::Digest& digest, bool separate = false);
  /// Stores a piece of a file as a chunk, unless it is there already.
  Result<storage::Segment> put_piece(const storage::Digest& digest, ByteView plaintext, const PieceRules& rules);
  /// Makes a slice of a bundle that was put known to later lookups.
  Result<void> note_segment(const storage::Segment& segment);
  /// Adds a change that is to be written behind the objects put so far.
  void write_behind(const std::function<void(storage::WriteBatch&)>& change);
  /// Writes what waits. Survives kill -9 when it returns; a power cut only after the store's sync().
  Result<void> flush();
  /// Removes what this run stored, parents first, and gives the room back: for a run that a full disk has ended before
  /// any commit. Does nothing for a run of kMaxGiveBackObjects and more (the next run finds all of it again).
  Result<void> give_back();
  /// The first failure of a lookup: ObjectSink::find() can't tell of it.
  Result<void> outcome() const;

  std::uint64_t objects_added() const { return objects_added_; }
  const storage::KeyRing& keys() const { return *keys_; }
  Presence& presence() { return presence_; }

 private:
  struct Batch;
  using Lot = std::vector<std::shared_ptr<Batch>>;
  class EncoderPool;
  using AddToIndex = std::function<Result<void>(Batch&)>;
  Result<storage::ObjectRef> add(storage::SealedObject object, const AddToIndex& index);
  Result<storage::EncodedPayload> encode_piece(storage::PayloadEncoder& encoder, ByteView plaintext,
                                               const PieceRules& rules, storage::ChildTable& children);
  Result<void> write_open_batch(bool all);
  Result<void> hand_over_lot();
  Result<void> wait_for_settling();
  Result<void> put(Batch& batch, bool ahead);
  void settle_lots();
  Result<void> settle(Lot& lot);
  template <class Found>
  auto among_unsettled(Found found) const;

  Vault& vault_;
  const storage::SpaceId space_;
  const std::shared_ptr<const storage::KeyRing> keys_;
  const storage::ObjectOpener opener_;
  Presence& presence_;
  SpaceGuard& guard_;
  Progress& progress_;
  const std::function<int()> compression_level_;
  const std::function<void(std::span<const storage::ObjectId>)> on_lot_;
  std::unique_ptr<EncoderPool> encoders_;
  std::mutex writing_;  ///< one batch after the other; taken before mutex_
  Lot lot_;             ///< put ahead, waits to be settled; under writing_
  mutable std::mutex mutex_;
  std::condition_variable settled_;
  bool settling_ = false;
  Lot unsettled_;                   ///< what lookups in the store don't find yet; the open batch is the last one
  storage::BundleNumbers numbers_;  ///< batches are written in order
  std::optional<Error> failure_;
  std::vector<storage::ObjectId> added_;  ///< in the order of arrival: children before parents
  std::atomic<std::uint64_t> objects_added_{0};
  WorkQueue<Lot> lots_{1, SIZE_MAX};
  std::optional<WorkerThreads> settler_;
};

}  // namespace beffroi::daemon
