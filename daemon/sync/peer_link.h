// A station's connection to its peer: one method per thing that the protocol can do. Coroutines on the protocol thread;
// blocking work of the vault goes to the pool.
#pragma once

#include <unordered_set>

#include "daemon/net/channel.h"
#include "daemon/service/pool.h"
#include "daemon/service/progress.h"
#include "daemon/sync/audit.h"
#include "daemon/sync/share_answers.h"
#include "daemon/vault/vault.h"
#include "storage/space/invitation.h"

namespace beffroi::daemon {

class Line;
class StoredObjects;

/// Opens a channel to a peer with a transport key; injected so that tests use in-memory channels.
using Connector = std::function<asio::awaitable<Result<std::unique_ptr<Channel>>>(
    const std::string& address, const crypto::SecretBytes& transport_seed, crypto::TransportPublicKey peer)>;
Connector tls_connector();

/// The longest log that a station takes from a peer at once: what a peer keeps of a space.
inline constexpr std::size_t kMaxFetchedLogBytes = 32U * 1024 * 1024;

struct PushResult {
  std::uint64_t commits = 0;  ///< that got their receipt
  std::uint64_t objects_sent = 0;
  std::uint64_t bytes_sent = 0;  ///< on the wire, all of the connection
  std::optional<std::uint64_t> receipt_counter;
  std::vector<storage::ObjectId> could_not_heal;  ///< asked for by the peer and not here any more
};

/// One session with the peer. Not thread-safe; lives on one executor.
class PeerLink {
 public:
  /// Connects and says hello. With device keys for daily work, with an invitation's seed to enrol, with root's seed to
  /// recover. `space` is named wherever it is known: anybody can list another's public transport key in a space of
  /// their own, and a key of several spaces must say which one is meant.
  static asio::awaitable<Result<std::unique_ptr<PeerLink>>> connect(const Connector& connector,
                                                                    const std::string& address,
                                                                    const crypto::SecretBytes& transport_seed,
                                                                    const storage::PeerPublic& peer,
                                                                    std::optional<storage::SpaceId> space = {});
  virtual ~PeerLink() = default;
  /// The keys that the other side has: transport proven, signing said.
  virtual const storage::PeerPublic& peer() const = 0;
  virtual asio::awaitable<Result<void>> enrol(std::span<const Bytes> records) = 0;
  /// Brings log and receipts of both sides together: takes what the peer has, offers what it lacks. Detects rollback
  /// and forks (corrupt).
  virtual asio::awaitable<Result<void>> exchange_state(Vault& vault, Pool& pool) = 0;
  /// Heals, then pushes every commit of this branch that has no receipt, oldest first, and stores the receipts. Resumes
  /// where an earlier push stopped. `stop_after_commit`: returns between commits when set (a night's end).
  /// `line`: obeyed and measured, unless nullptr.
  virtual asio::awaitable<Result<PushResult>> push(Vault& vault, Pool& pool, Progress& progress,
                                                   Line* line = nullptr) = 0;
  /// Sends objects while the backup that stores them goes on, under the lease that the push after it will use: what it
  /// has sent the push need not send. Returns when no more come.
  virtual asio::awaitable<Result<void>> send_ahead(Vault& vault, Pool& pool, StoredObjects& objects, Line* line) = 0;
  /// limit_exceeded beyond kMaxFetchedLogBytes.
  virtual asio::awaitable<Result<std::vector<Bytes>>> fetch_log(std::uint64_t from_sequence) = 0;
  virtual asio::awaitable<Result<void>> append_record(ByteView record) = 0;
  virtual asio::awaitable<Result<std::vector<storage::BranchHead>>> fetch_heads() = 0;
  /// One commit of a branch, not verified; nullopt when the peer does not give it.
  virtual asio::awaitable<Result<std::optional<Bytes>>> fetch_commit(const DeviceId& device,
                                                                     std::uint64_t sequence) = 0;
  /// The newest one, not verified; nullopt before the first.
  virtual asio::awaitable<Result<std::optional<Bytes>>> fetch_newest_receipt() = 0;
  /// Objects by id, verified (hash and header) on arrival; pipelined. nullopt for those that the peer does not have.
  virtual asio::awaitable<Result<std::vector<std::optional<Bytes>>>> fetch_objects(
      std::span<const storage::ObjectId> ids) = 0;
  /// All commits, tree objects (no contents) and receipts of the vault into the local store, newest snapshot first:
  /// what recover needs. Contents become known as remote. Goes on where an earlier call stopped.
  /// How many objects the peer does not have.
  virtual asio::awaitable<Result<std::uint64_t>> fetch_trees(Vault& vault, Pool& pool, Progress& progress) = 0;
  /// The same for single trees, whose commits are here: what a shared folder needs of others' commits. `known` holds
  /// objects that are here with all below them, and takes those that come; it is empty after an error.
  virtual asio::awaitable<Result<std::uint64_t>> fetch_trees_of(Vault& vault, Pool& pool, Progress& progress,
                                                                std::span<const storage::ObjectId> roots,
                                                                std::unordered_set<storage::ObjectId>& known) = 0;
  /// Asks for a few objects that the peer gave receipts for, at random: audit.h. After exchange_state().
  virtual asio::awaitable<Result<AuditReport>> audit(Vault& vault, Pool& pool, crypto::Random& random,
                                                     Progress& progress) = 0;
  /// In a session of a vault's device or root: hosts a share whose root is that of the vault, for the same
  /// organisation. The same share again is ok. refused: another organisation has it here, too many shares, quota.
  virtual asio::awaitable<Result<void>> found_share(std::span<const Bytes> records) = 0;
  /// In sessions of a share's managers. Lets whoever has this transport key leave one request, until then by the peer's
  /// clock. The same again is ok; one that has ended is not opened again (refused). busy: as many are open as may be.
  virtual asio::awaitable<Result<void>> open_share_invitation(crypto::TransportPublicKey key,
                                                              storage::UnixTime expires) = 0;
  /// Ends it, with a sealed refusal for who asked, if any: the first one stands. not_found: the peer does not know it.
  virtual asio::awaitable<Result<void>> close_share_invitation(crypto::TransportPublicKey key,
                                                               std::optional<Bytes> refusal) = 0;
  /// What waits with open invitations, ascending by invitation.
  virtual asio::awaitable<Result<std::vector<WaitingRequest>>> fetch_join_requests() = 0;
  /// In sessions with the transport seed of an invitation to a share, which is named in connect(). The same request
  /// again is ok. refused: the invitation has ended, or another request was left with it.
  virtual asio::awaitable<Result<void>> leave_join_request(ByteView sealed) = 0;
  virtual asio::awaitable<Result<JoinAnswer>> fetch_join_answer() = 0;
  /// What is new in the session's space, as soon as it is not what is known; the same after `patience` (cut to
  /// kMaxNewsPatience). Nothing else can be asked in this session meanwhile; cut() ends it.
  virtual asio::awaitable<Result<SpaceNews>> wait_for_news(const SpaceNews& known,
                                                           std::chrono::milliseconds patience) = 0;
  virtual asio::awaitable<void> close() = 0;
  /// Ends the session at once: a call that waits ends with an error.
  virtual void cut() = 0;
  virtual std::uint64_t bytes_sent() const = 0;
  virtual std::uint64_t bytes_received() const = 0;
};

/// Reads objects of the vault from the local store and, failing that, from the peer over a link of its own (connected
/// on demand, reconnected after a cut; batches prefetched ids; keeps a bounded cache of fetched objects:
/// kFetchCacheBytes). Blocking: for worker threads only, never the protocol thread. `prefer_local` false: from the peer
/// only (restore --from peer, check --at peer).
std::shared_ptr<storage::ObjectSource> make_remote_source(Vault& vault, asio::any_io_executor protocol_thread,
                                                          Connector connector, bool prefer_local);
inline constexpr std::size_t kFetchCacheBytes = 48U * 1024 * 1024;

}  // namespace beffroi::daemon
