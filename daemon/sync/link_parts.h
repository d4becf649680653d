// The long conversations of a link, one file each: exchange.cpp, losses.cpp, expiries.cpp, push.cpp, fetch.cpp,
// fetch_trees.cpp, audit.cpp.
// What they do: peer_link.h.
#pragma once

#include <algorithm>
#include <set>
#include <unordered_set>

#include "daemon/sync/line.h"
#include "daemon/sync/link_session.h"
#include "daemon/sync/peer_link.h"
#include "daemon/sync/stored_objects.h"

namespace beffroi::daemon {

/// Requests for objects that are on their way at once, and ids in each.
inline constexpr std::size_t kGetsInFlight = 2;
inline constexpr std::size_t kIdsPerGet = 64;

/// What records of a log count while they are fetched: an empty one costs memory too.
std::size_t counted_bytes(std::span<const Bytes> records);
Error log_too_long();

asio::awaitable<Result<void>> exchange_state_over(LinkSession& session, Vault& vault, Pool& pool);
/// Before anything that the peer shows is held against what is known here: the losses that it declared, verified and
/// taken (Vault::accept_losses). corrupt when it hides one, or lacks more than it says.
asio::awaitable<Result<void>> take_losses(LinkSession& session, Vault& vault, Pool& pool);
/// Receipts that are newer than those of the vault; corrupt when the peer's newest is older, also than its last loss
/// says.
asio::awaitable<Result<void>> take_receipts(LinkSession& session, Vault& vault, Pool& pool);
/// What the peer shows that it let go: its expiries from the newest known one on, encoded and not judged.
struct ShownExpiries {
  std::uint64_t known = 0;  ///< number of the newest one here, before the peer was asked
  std::vector<Bytes> encoded;
  /// Number of the first: the newest known one once more, which the vault compares with what is shown now.
  std::uint64_t first() const { return std::max<std::uint64_t>(known, 1); }
};
/// Before log, commits and receipts are fetched: then all that they can have been decided by is here when they are
/// judged.
asio::awaitable<Result<ShownExpiries>> fetch_new_expiries(LinkSession& session, Vault& vault, Pool& pool);
/// Judges them, and takes those that are right: after what was fetched since. corrupt when the peer shows fewer than
/// before, let go what it must keep, or decided by a log that it hides; conflict when another session of this station
/// learned of a loss meanwhile. Those that a clock is too wrong for are left out (Vault::refused_expiry_date).
/// Blocking.
Result<void> take_expiries(Vault& vault, const ShownExpiries& shown);
/// What the peer's expiries from this number on name: signed by it, and not judged. limit_exceeded when they are too
/// many.
asio::awaitable<Result<std::set<storage::CommitId>>> said_to_be_gone(LinkSession& session, Vault& vault,
                                                                     std::uint64_t from);
asio::awaitable<Result<PushResult>> push_over(LinkSession& session, Vault& vault, Pool& pool, Progress& progress,
                                              Line* line);
asio::awaitable<Result<void>> send_ahead_over(LinkSession& session, Vault& vault, Pool& pool, StoredObjects& objects,
                                              Line* line);
asio::awaitable<Result<std::vector<std::optional<Bytes>>>> fetch_objects_over(LinkSession& session,
                                                                              std::span<const storage::ObjectId> ids);
asio::awaitable<Result<std::uint64_t>> fetch_trees_over(LinkSession& session, Vault& vault, Pool& pool,
                                                        Progress& progress);
asio::awaitable<Result<std::uint64_t>> fetch_trees_of_over(LinkSession& session, Vault& vault, Pool& pool,
                                                           Progress& progress, std::span<const storage::ObjectId> roots,
                                                           std::unordered_set<storage::ObjectId>& known);
asio::awaitable<Result<AuditReport>> audit_over(LinkSession& session, Vault& vault, Pool& pool, crypto::Random& random,
                                                Progress& progress);
/// Commits of a device's branch that the vault lacks, adopted in order; stops without an error at the first one that
/// does not count. Of a device that was removed, or lost its right to write, nothing is adopted unless the branch leads
/// to the commits that the log names as its last valid ones. corrupt: a commit is not in the place where the peer shows
/// it, or was made under a log that the peer hides.
asio::awaitable<Result<void>> adopt_branch(LinkSession& session, Vault& vault, Pool& pool,
                                           const storage::BranchHead& head);
/// After take_receipts: corrupt when a receipt that another device's commit names is not in the peer's chain (the peer
/// tells two stories), unless it may be one that the peer declared lost. How far each branch was checked is kept in the
/// vault, and moves on only when all is well: a line that is cut before the check, or a later session, does not make a
/// fork forgotten. `heads`: of the vault, as they were before take_receipts (what another session adopts meanwhile may
/// name receipts that it alone has fetched).
Result<void> check_named_receipts(Vault& vault, std::span<const storage::BranchHead> heads);

}  // namespace beffroi::daemon
