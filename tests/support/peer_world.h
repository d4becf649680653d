// A peer and its stations in one process: real stores in temporary folders, a line in memory between them, an inline
// pool, seeded keys and faults.
#pragma once

#include "daemon/sync/peer_host.h"
#include "daemon/sync/peer_link.h"
#include "daemon/sync/peer_shares.h"
#include "storage/format/codec.h"
#include "storage/tree/content.h"
#include "storage/tree/tree.h"
#include "tests/support/edited_channel.h"
#include "tests/support/memory_channel.h"
#include "tests/support/run_coroutine.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {

/// Seals into a vault's store, without batches or a dedup index.
class VaultSink final : public storage::ObjectSink {
 public:
  explicit VaultSink(Vault& vault) : vault_(vault), keys_(vault.keys()) {}
  std::optional<storage::ObjectRef> find(storage::ObjectKind, const storage::Digest&) override { return std::nullopt; }
  Result<storage::ObjectRef> put(storage::ObjectKind kind, const storage::Digest&, const storage::ChildTable& children,
                                 ByteView plaintext) override {
    const storage::SealedObject object =
        seal_object(keys_->space(), *keys_->current(), kind, children, encoder_.encode(plaintext, 1).bytes);
    BEFFROI_TRY(auto header, storage::check_object(object.bytes));
    const storage::IncomingObject incoming{object.ref.id, std::move(header), object.bytes};
    BEFFROI_CHECK(vault_.objects().put(keys_->space(), {&incoming, 1}));
    return object.ref;
  }
  const storage::KeyRing& keys() const { return *keys_; }

 private:
  Vault& vault_;
  std::shared_ptr<const storage::KeyRing> keys_;
  storage::PayloadEncoder encoder_;
};

/// Numbers of files, for take_snapshot.
std::set<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to);
std::set<std::uint64_t> numbers(std::uint64_t to);

/// A snapshot of files whose contents depend on the numbers alone: file number n is the same in every snapshot.
storage::Commit take_snapshot(Vault& vault, const std::set<std::uint64_t>& files, std::size_t bytes = 5000);

/// All ids of a commit's closure that a store knows.
std::set<storage::ObjectId> closure_of(storage::ObjectStore& objects, const storage::Commit& commit);

class PeerWorld {
 public:
  explicit PeerWorld(std::uint64_t seed = 5, rocksdb::Env* peer_disk = nullptr);
  ~PeerWorld();

  void close_peer();
  void reopen_peer();

  /// A line to the peer with faults by `plan`; the peer serves its end. Keys are checked as TLS would.
  Connector connector(const FaultPlan& plan = {});

  template <class T>
  T run(asio::awaitable<T> work) {
    return run_coroutine(context, std::move(work));
  }

  Result<std::unique_ptr<PeerLink>> connect(const crypto::SecretBytes& seed, const FaultPlan& plan = {},
                                            std::optional<storage::SpaceId> space = {});
  Result<std::unique_ptr<PeerLink>> connect(Vault& vault, const FaultPlan& plan = {});

  storage::Invitation invite(std::optional<std::uint64_t> quota = {}, std::int64_t seconds = 1000);
  Result<void> enrol(Vault& vault, const storage::Invitation& invitation);
  void join(Vault& vault, std::optional<std::uint64_t> quota = {});
  void close(PeerLink& link);

  /// Connects, exchanges state, pushes, says bye.
  Result<PushResult> sync(Vault& vault, const FaultPlan& plan = {});

  /// The peer loses these without a trace, parents first, as no honest one should. Ends all sessions.
  void lose(const storage::SpaceId& space, std::vector<storage::ObjectId> ids);

  /// The hosted space as its device sees it.
  PeerHost::Caller caller(Vault& vault);

  TemporaryFolder folder;
  ManualClock clock;
  asio::io_context context;
  Pool pool;
  PeerShares shares;
  crypto::SeededRandom random;
  storage::DatabaseOptions database_options;
  std::unique_ptr<PeerHost> host;
  std::shared_ptr<MemoryLine> line;  ///< of the newest connection
  Progress progress;
  MessageEdit edit_answers;  ///< of the peer, on lines that are made from now on
  ObjectEdit edit_objects;   ///< the same for objects that it gives
};

/// The peer has every object of the commit's closure, byte for byte.
void expect_complete(PeerWorld& world, Vault& vault, const storage::Commit& commit);

}  // namespace beffroi::daemon::testing
