// What a recovered station needs: all commits, all trees, all receipts, and the names of the contents that stay behind.
#include <spdlog/spdlog.h>

#include <map>
#include <unordered_set>

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;
using storage::ObjectKind;

// Sealed bytes that are fetched, verified and stored together.
constexpr std::size_t kFetchBatchBytes = 8U * 1024 * 1024;

bool is_content(ObjectKind kind) { return kind == ObjectKind::chunk || kind == ObjectKind::bundle; }

class TreeFetch {
 public:
  /// `seen`: objects whose whole trees are here; what is found is added.
  TreeFetch(LinkSession& session, Vault& vault, Pool& pool, Progress& progress, std::unordered_set<ObjectId>& seen)
      : session_(session), vault_(vault), pool_(pool), progress_(progress), space_(vault.space()), seen_(seen) {}

  asio::awaitable<Result<std::uint64_t>> run() {
    BEFFROI_CO_CHECK(co_await take_losses(session_, vault_, pool_));
    Message request(HeadsGetMessage{});
    BEFFROI_CO_TRY(const HeadsMessage answer, co_await session_.call<HeadsMessage>(std::move(request)));
    for (const auto& head : answer.heads) {
      BEFFROI_CO_CHECK(co_await adopt_branch(session_, vault_, pool_, head));
    }
    auto snapshots = co_await pool_.run([&] { return vault_.snapshots(); });
    if (!snapshots) co_return forward_error(snapshots);
    // Need not be looked for. Whether it might go is seen when the receipts are here.
    BEFFROI_CO_TRY(const std::set<storage::CommitId> gone, co_await said_to_be_gone(session_, vault_, 1));
    // Newest first: it is the one that is asked for.
    for (auto snapshot = snapshots->rbegin(); snapshot != snapshots->rend(); ++snapshot) {
      if (snapshot->aside) continue;  // the peer never had it
      if (gone.contains(snapshot->commit.id)) continue;
      const std::uint64_t before = missing_;
      BEFFROI_CO_CHECK(co_await fetch_tree(snapshot->commit.clear.root));
      if (missing_ > before) missing_in_[snapshot->commit.id] = missing_ - before;
    }
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return vault_.objects().sync(); }));
    BEFFROI_CO_CHECK(co_await exchange_state_over(session_, vault_, pool_));
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return check_gone(gone); }));
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return forget_what_went_meanwhile(); }));
    if (missing_ > 0) spdlog::warn("{} objects of older trees are missing at the peer", missing_);
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return check_recovered_heads(); }));
    co_return missing_;
  }

  asio::awaitable<Result<std::uint64_t>> run_for(std::span<const ObjectId> roots) {
    for (const ObjectId& root : roots) {
      BEFFROI_CO_CHECK(co_await fetch_tree(root));
    }
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return vault_.objects().sync(); }));
    co_return missing_;
  }

 private:
  // What was not looked for must have gone by signed expiries with which the rules agree. Else the peer could keep any
  // snapshot back by calling it gone once.
  Result<void> check_gone(const std::set<storage::CommitId>& gone) const {
    for (const storage::CommitId& commit : gone) {
      BEFFROI_TRY(const auto expired, vault_.store().expired(commit));
      if (expired) continue;
      BEFFROI_TRY(const auto refused, vault_.refused_expiry_date());
      if (refused)
        return fail(ErrorCode::wrong_state,
                    N_("The peer let snapshots go by a date that is far ahead of this machine's clock. Set the clock "
                       "right, then synchronise again."));
      return fail(ErrorCode::corrupt,
                  N_("The peer said that it let the snapshot {} go, and then did not show its signature for it. Ask "
                     "the EPCI what happened to its server."),
                  commit.hex());
    }
    return {};
  }

  // A snapshot that the peer let go while it was fetched lacks nothing.
  Result<void> forget_what_went_meanwhile() {
    for (const auto& [commit, missing] : missing_in_) {
      BEFFROI_TRY(const auto expired, vault_.store().expired(commit));
      if (expired) missing_ -= missing;
    }
    return {};
  }

  // The root signed which snapshots this device goes on from. A peer that shows less now showed more then.
  Result<void> check_recovered_heads() const {
    const storage::SpaceLog log = vault_.log();
    const storage::RecoveryBody* recovery = storage::last_recovery(log, vault_.device_id());
    if (recovery == nullptr) return {};
    for (const storage::CommitId& head : recovery->heads) {
      BEFFROI_TRY(const auto known, vault_.store().commit(head));
      if (known) continue;
      return fail(ErrorCode::corrupt,
                  N_("The peer keeps the snapshot {} back, which it showed when the recovery began: not all snapshots "
                     "are here. Ask the EPCI what happened to its server."),
                  head.hex());
    }
    return {};
  }

  // Level by level. What is here already is walked too: an earlier fetch may have been cut below it.
  asio::awaitable<Result<void>> fetch_tree(const ObjectId& root) {
    std::vector<ObjectId> open;
    if (seen_.insert(root).second) open.push_back(root);
    while (!open.empty()) {
      std::vector<ObjectId> below;
      std::vector<ObjectId> absent;
      BEFFROI_CO_CHECK(co_await pool_.run([&] { return sort_out(open, absent, below); }));
      for (std::span<const ObjectId> rest = absent; !rest.empty();) {
        const auto part = rest.first(std::min(rest.size(), kMaxIdsPerMessage));
        rest = rest.subspan(part.size());
        BEFFROI_CO_CHECK(co_await fetch_level(part, below));
      }
      open = std::move(below);
    }
    co_return Result<void>();
  }

  Result<void> sort_out(const std::vector<ObjectId>& ids, std::vector<ObjectId>& absent, std::vector<ObjectId>& below) {
    BEFFROI_TRY(const auto infos, vault_.objects().info_many(space_, ids));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& info = infos[i];
      if (!info || (!is_content(info->kind) && (!info->bytes_present || info->quarantined))) {
        absent.push_back(ids[i]);
      } else if (!is_content(info->kind)) {
        BEFFROI_TRY(const auto children, vault_.objects().children(space_, ids[i]));
        descend(children, below);
      }
    }
    return {};
  }

  void descend(std::span<const ObjectId> children, std::vector<ObjectId>& below) {
    for (const ObjectId& child : children)
      if (seen_.insert(child).second) below.push_back(child);
  }

  // The peer says what each one is: contents become known, tree objects are fetched. (A peer that lies about it harms
  // only itself: what it calls content is asked for when it is read.)
  asio::awaitable<Result<void>> fetch_level(std::span<const ObjectId> ids, std::vector<ObjectId>& below) {
    Message request(FactsGetMessage{{ids.begin(), ids.end()}});
    BEFFROI_CO_TRY(const FactsMessage answer, co_await session_.call<FactsMessage>(std::move(request)));
    if (answer.facts.size() != ids.size()) co_return std::unexpected(session_.unexpected_answer());
    std::vector<storage::RemoteObject> contents;
    std::vector<ObjectId> batch;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& facts = answer.facts[i];
      if (!facts) {
        ++missing_;
      } else if (is_content(facts->kind)) {
        contents.push_back({ids[i], facts->kind, facts->height, facts->epoch, facts->sealed_bytes});
      } else {
        batch.push_back(ids[i]);
        bytes += facts->sealed_bytes;
        if (bytes < kFetchBatchBytes && batch.size() < kMaxGetIds) continue;
        BEFFROI_CO_CHECK(co_await fetch_batch(std::exchange(batch, {}), below));
        bytes = 0;
      }
    }
    if (!batch.empty()) {
      BEFFROI_CO_CHECK(co_await fetch_batch(std::move(batch), below));
    }
    co_return co_await pool_.run([&] { return vault_.objects().note_remote(space_, contents); });
  }

  asio::awaitable<Result<void>> fetch_batch(std::vector<ObjectId> ids, std::vector<ObjectId>& below) {
    if (progress_.cancel) co_return fail(ErrorCode::cancelled, N_("Stopped. What is left is fetched the next time."));
    BEFFROI_CO_TRY(const auto objects, co_await fetch_objects_over(session_, ids));
    co_return co_await pool_.run([&] { return keep(ids, objects, below); });
  }

  Result<void> keep(const std::vector<ObjectId>& ids, const std::vector<std::optional<Bytes>>& objects,
                    std::vector<ObjectId>& below) {
    std::vector<storage::IncomingObject> incoming;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!objects[i]) {
        ++missing_;
        continue;
      }
      BEFFROI_TRY(auto header, storage::check_object(*objects[i]));
      if (header.space != space_)
        return fail(ErrorCode::corrupt, N_("The peer sent wrong bytes for the object {}."), ids[i].hex());
      descend(header.children, below);
      progress_.bytes_read += objects[i]->size();
      incoming.push_back({ids[i], std::move(header), *objects[i]});
    }
    return vault_.objects().put(space_, incoming);
  }

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
  Progress& progress_;
  const storage::SpaceId space_;
  std::unordered_set<ObjectId>& seen_;
  std::uint64_t missing_ = 0;
  std::map<storage::CommitId, std::uint64_t> missing_in_;  ///< the same by snapshot
};

}  // namespace

asio::awaitable<Result<std::uint64_t>> fetch_trees_over(LinkSession& session, Vault& vault, Pool& pool,
                                                        Progress& progress) {
  progress.phase = Phase::fetching;
  std::unordered_set<ObjectId> seen;
  TreeFetch fetch(session, vault, pool, progress, seen);
  co_return co_await fetch.run();
}

asio::awaitable<Result<std::uint64_t>> fetch_trees_of_over(LinkSession& session, Vault& vault, Pool& pool,
                                                           Progress& progress, std::span<const ObjectId> roots,
                                                           std::unordered_set<ObjectId>& known) {
  progress.phase = Phase::fetching;
  std::unordered_set<ObjectId> seen = std::move(known);
  known.clear();
  TreeFetch fetch(session, vault, pool, progress, seen);
  auto missing = co_await fetch.run_for(roots);
  // What a fetch that failed has seen is not all here.
  if (missing && *missing == 0) known = std::move(seen);
  co_return missing;
}

}  // namespace beffroi::daemon
