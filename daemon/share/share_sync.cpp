#include "daemon/share/share_sync.h"

#include <spdlog/spdlog.h>

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

/// What the peer may take later as it is: no line, an answer that passes, our own end.
bool may_pass(ErrorCode code) {
  switch (code) {
    case ErrorCode::unreachable:
    case ErrorCode::timeout:
    case ErrorCode::protocol:
    case ErrorCode::busy:
    case ErrorCode::conflict:
    case ErrorCode::cancelled:
    case ErrorCode::io:
    case ErrorCode::disk_full:
      return true;
    default:
      return false;
  }
}

struct Wanted {
  std::vector<ObjectId> heads;
  std::vector<storage::CommitId> head_commits;
  std::vector<ObjectId> others;
  std::uint64_t through = 0;
};

class ShareSync {
 public:
  ShareSync(PeerLink& link, ShareParts& parts, Progress& progress) : link_(link), parts_(parts), progress_(progress) {}

  asio::awaitable<Result<SyncOutcome>> run(const ScanScope& scope, CycleSettings settings,
                                           std::shared_ptr<storage::ObjectSource> source) {
    BEFFROI_CO_CHECK(co_await link_.exchange_state(parts_.vault, parts_.work));
    BEFFROI_CO_CHECK(co_await send_what_waits());
    settings.may_commit = settings.may_commit && !out_.not_sent;
    BEFFROI_CO_CHECK(co_await fetch_trees());
    auto report =
        co_await parts_.streams.run([&] { return parts_.cycle.run(scope, settings, std::move(source), progress_); });
    if (!report) co_return forward_error(report);
    out_.report = std::move(*report);
    if (out_.report.commit) {
      BEFFROI_CO_CHECK(co_await send(out_.report.commit->id));
      // It went out of the branch, or will: the next cycle makes another one.
      if (aside_ && !out_.not_sent) out_.report.look_again = true;
    }
    if (out_.report.refused && !out_.not_sent) out_.not_sent = settings.refused->why;
    out_.confirmed = !out_.not_sent && !aside_ && !out_.report.held && !out_.report.waits;
    co_return std::move(out_);
  }

 private:
  /// A commit is settled before anything else is done: see PendingCommit.
  asio::awaitable<Result<void>> send_what_waits() {
    const auto waiting = co_await parts_.work.run([&] { return parts_.vault.unreceipted(); });
    if (!waiting) co_return forward_error(waiting);
    if (!waiting->empty()) {
      const auto sent = co_await send(waiting->back().id);
      if (!sent && sent.error().code != ErrorCode::busy) co_return sent;
      if (!sent) {
        // So many commits a day: what others do is taken in all the same.
        out_.not_sent = sent.error();
      } else if (std::exchange(aside_, false)) {
        // Else the folder would wait for it for ever.
        BEFFROI_CO_CHECK(co_await parts_.work.run([&] { return set_aside(); }));
      }
    }
    co_return co_await parts_.work.run([&] { return parts_.cycle.settle(); });
  }

  Result<void> set_aside() {
    BEFFROI_TRY(const std::size_t commits, parts_.vault.set_aside_pending());
    if (commits > 0) spdlog::warn("{} commits of a shared folder are set aside: the peer refuses them", commits);
    return {};
  }

  /// An error: only what passes. Else it is to be set aside, with `not_sent` unless another one will do.
  asio::awaitable<Result<void>> send(const storage::CommitId newest) {
    const auto pushed = co_await link_.push(parts_.vault, parts_.work, progress_, parts_.line);
    if (pushed) co_return co_await parts_.work.run([&] { return parts_.cycle.settle(); });
    const Error error = pushed.error();
    if (out_.report.commit && may_pass(error.code)) {
      // The folder's part was done: the next cycle sends it.
      out_.not_sent = error;
      co_return Result<void>();
    }
    if (may_pass(error.code)) co_return std::unexpected(error);
    aside_ = true;
    // What the commit counts on can't be sent, or not any more: it is stored anew.
    if (error.code == ErrorCode::wrong_state || error.code == ErrorCode::corrupt) parts_.cycle.store_anew();
    if (error.code == ErrorCode::wrong_state) co_return Result<void>();
    out_.not_sent = error;
    if (error.code == ErrorCode::corrupt) co_return Result<void>();
    const auto snapshot = parts_.vault.snapshot(newest);
    if (snapshot) out_.refused = Refusal{snapshot->sealed.tree_digest, snapshot->commit.clear.epoch, error};
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> fetch_trees() {
    const auto wanted = co_await parts_.work.run([&] { return what_is_wanted(); });
    if (!wanted) co_return forward_error(wanted);
    if (parts_.known_trees.size() > kMaxKnownTreeObjects) parts_.known_trees.clear();
    BEFFROI_CO_TRY(const std::uint64_t missing, co_await link_.fetch_trees_of(parts_.vault, parts_.work, progress_,
                                                                              wanted->heads, parts_.known_trees));
    if (missing > 0)
      co_return fail(ErrorCode::corrupt,
                     N_("The peer has lost data of the newest state of this shared folder. Nothing here was changed. "
                        "Ask the EPCI what happened to its server."));
    BEFFROI_CO_TRY(const std::uint64_t older, co_await link_.fetch_trees_of(parts_.vault, parts_.work, progress_,
                                                                            wanted->others, parts_.known_trees));
    if (older > 0) spdlog::warn("{} objects of older states of a shared folder are missing at the peer", older);
    co_return co_await parts_.work.run([&] { return note_fetched(*wanted); });
  }

  Result<Wanted> what_is_wanted() {
    Wanted out;
    BEFFROI_TRY(const auto heads, parts_.cycle.graph().heads());
    for (const Snapshot& head : heads) {
      out.heads.push_back(head.commit.clear.root);
      out.head_commits.push_back(head.commit.id);
    }
    BEFFROI_TRY(const FolderState state, parts_.cycle.state().folder());
    const auto newest = parts_.vault.newest_receipt();
    out.through = newest ? newest->counter : 0;
    const auto binding = parts_.vault.peer();
    // After a loss the numbers begin again at a lower one.
    for (std::uint64_t counter = std::min(state.trees_through, out.through) + 1; counter <= out.through; ++counter) {
      BEFFROI_TRY(const auto encoded, parts_.vault.store().receipt(counter));
      if (!encoded || !binding) continue;
      BEFFROI_TRY(const storage::Receipt receipt, storage::decode_receipt(*encoded, binding->peer.sign));
      const auto snapshot = parts_.vault.snapshot(receipt.commit);
      if (snapshot && snapshot->commit.clear.device != parts_.vault.device_id())
        out.others.push_back(snapshot->commit.clear.root);
    }
    return out;
  }

  Result<void> note_fetched(const Wanted& wanted) {
    // Now that the trees are here: what is in them is at the peer and need not be sent, nor stored anew.
    for (const auto& commit : wanted.head_commits) {
      BEFFROI_TRY(const auto receipt, parts_.vault.store().receipt_of(commit));
      if (receipt) BEFFROI_CHECK(parts_.vault.accept_receipt(*receipt));
    }
    BEFFROI_TRY(FolderState state, parts_.cycle.state().folder());
    if (state.trees_through == wanted.through) return {};
    state.trees_through = wanted.through;
    return parts_.cycle.state().set_folder(state, storage::Durability::buffered);
  }

  PeerLink& link_;
  ShareParts& parts_;
  Progress& progress_;
  SyncOutcome out_;
  bool aside_ = false;  ///< what was committed here can't be sent as it is
};

}  // namespace

asio::awaitable<Result<SyncOutcome>> sync_share(PeerLink& link, ShareParts& parts, const ScanScope& scope,
                                                CycleSettings settings, std::shared_ptr<storage::ObjectSource> source,
                                                Progress& progress) {
  ShareSync sync(link, parts, progress);
  co_return co_await sync.run(scope, std::move(settings), std::move(source));
}

}  // namespace beffroi::daemon
