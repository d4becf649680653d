// Push: offer the root, descend where the peer lacks something, send children first, commit, take the receipt.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "daemon/sync/link_parts.h"
#include "daemon/sync/object_sender.h"

namespace beffroi::daemon {
namespace {

using storage::Commit;
using storage::ObjectId;

// A lease may end under a push (the peer was away for a month, or another process of this device committed).
constexpr int kTries = 3;

// What one lacking object is, as the station's store knows it.
struct Local {
  storage::ObjectInfo info;
  std::vector<ObjectId> children;
};

bool can_be_sent(const std::optional<Local>& local) {
  return local && local->info.bytes_present && !local->info.quarantined;
}

class Push {
 public:
  Push(LinkSession& session, Vault& vault, Pool& pool, Progress& progress, Line* line)
      : session_(session),
        vault_(vault),
        pool_(pool),
        progress_(progress),
        line_(line),
        space_(vault.space()),
        epoch_(vault.log().epoch()) {}

  asio::awaitable<Result<PushResult>> run() {
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return set_aside_unpushable(); }));
    const auto pending = co_await pool_.run([&] { return vault_.unreceipted(); });
    if (!pending) co_return forward_error(pending);
    BEFFROI_CO_CHECK(co_await open_lease());
    if (pending->size() > 1) {
      BEFFROI_CO_CHECK(co_await pool_.run([&] { return estimate(); }));
    }
    for (const Commit& commit : *pending) {
      BEFFROI_CO_CHECK(check_cancelled());
      newer_pending_ = &commit != &pending->back();
      BEFFROI_CO_CHECK(co_await push_commit(commit));
      ++result_.commits;
    }
    BEFFROI_CO_CHECK(co_await offer_what_was_lost());
    if (const auto newest = vault_.newest_receipt()) result_.receipt_counter = newest->counter;
    result_.could_not_heal.assign(gone_.begin(), gone_.end());
    result_.bytes_sent = session_.channel().bytes_sent();
    co_return std::move(result_);
  }

 private:
  // The peer takes nothing of an older epoch.
  Result<void> set_aside_unpushable() {
    BEFFROI_TRY(const std::size_t set_aside, vault_.set_aside_unpushable());
    if (set_aside == 0) return {};
    return fail(ErrorCode::wrong_state,
                N_("What was waiting to be sent no longer can be: the keys of this vault were renewed by another "
                   "device, or older snapshots were forgotten here. It stays on this machine. Back up again."));
  }

  Result<void> check_cancelled() const {
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("Stopped. What is left is sent the next time."));
    return {};
  }

  asio::awaitable<Result<void>> open_lease() {
    Message request(LeaseOpenMessage{});
    BEFFROI_CO_TRY(LeaseMessage lease, co_await session_.call<LeaseMessage>(std::move(request)));
    wanted_ = std::set<ObjectId>(lease.wanted.begin(), lease.wanted.end());
    leased_ = true;
    co_return co_await heal();
  }

  // Sends again what the peer found damaged. What is gone here too is a loss that the next backup makes good. With
  // every lease, since a peer that wants very much names it piece by piece.
  asio::awaitable<Result<void>> heal() {
    std::vector<ObjectId> gone;
    std::vector<ObjectId> here;
    for (const ObjectId& id : wanted_) {
      const auto local = co_await pool_.run([&] { return look_up(id); });
      if (!local) co_return forward_error(local);
      if (can_be_sent(*local)) {
        plan(id, (*local)->info);
        here.push_back(id);
      } else {
        gone.push_back(id);
      }
    }
    const auto healed = co_await send_planned();
    if (!healed && healed.error().code != ErrorCode::conflict) co_return healed;
    if (!healed) {
      BEFFROI_CO_CHECK(co_await heal_with_what_is_below(std::move(here), gone));
    }
    BEFFROI_CO_CHECK(co_await pool_.run([&]() -> Result<void> {
      for (const ObjectId& id : gone) BEFFROI_CHECK(vault_.objects().quarantine(space_, id));
      return {};
    }));
    gone_.insert(gone.begin(), gone.end());
    losses_ = std::move(gone);
    co_return Result<void>();
  }

  // The peer has lost more than it has found damaged so far. Whatever can't be healed waits: new snapshots do not.
  asio::awaitable<Result<void>> heal_with_what_is_below(std::vector<ObjectId> damaged, std::vector<ObjectId> gone) {
    forget_plans();
    const bool newer_pending = std::exchange(newer_pending_, false);  // nothing is given up for a snapshot's sake
    auto healed = co_await negotiate(std::move(damaged));
    newer_pending_ = newer_pending;
    if (healed) {
      gone.insert(gone.end(), nowhere_.begin(), nowhere_.end());
      healed = co_await pool_.run([&] { return drop_what_is_above({gone.begin(), gone.end()}); });
    }
    if (healed) healed = co_await send_planned();
    forget_plans();
    if (healed || healed.error().code == ErrorCode::cancelled) co_return healed;
    spdlog::warn("what is damaged at the peer could not all be healed: {}", healed.error().message());
    co_return Result<void>();
  }

  Result<void> drop_what_is_above(std::set<ObjectId> missing) {
    for (auto& [height, ids] : planned_) {
      std::vector<ObjectId> complete;
      for (const ObjectId& id : ids) {
        BEFFROI_TRY(const auto children, vault_.objects().children(space_, id));
        const bool is_whole =
            std::ranges::none_of(children, [&](const ObjectId& child) { return missing.contains(child); });
        if (is_whole)
          complete.push_back(id);
        else
          missing.insert(id);
      }
      ids = std::move(complete);
    }
    return {};
  }

  // What an audit did not get back is offered once more. Last of all, and its failure is only said: a peer that has
  // lost what is below, or no longer takes objects of that epoch, must not stand in the way of new snapshots.
  asio::awaitable<Result<void>> offer_what_was_lost() {
    const auto lost = co_await pool_.run([&] { return vault_.lost_by_peer(); });
    if (!lost) co_return forward_error(lost);
    if (lost->empty()) co_return Result<void>();
    const auto offered = co_await offer(*lost);
    if (offered || offered.error().code == ErrorCode::cancelled) co_return offered;
    spdlog::warn("what the peer lost could not be sent again: {}", offered.error().message());
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> offer(const std::vector<ObjectId>& ids) {
    forget_plans();
    if (!leased_) {
      BEFFROI_CO_CHECK(co_await open_lease());
    }
    std::vector<ObjectId> here;
    for (const ObjectId& id : ids) {
      const auto local = co_await pool_.run([&] { return look_up(id); });
      if (local && can_be_sent(*local)) here.push_back(id);
    }
    BEFFROI_CO_CHECK(co_await negotiate(std::move(here)));
    too_old_.clear();  // the peer says itself which of it it takes
    BEFFROI_CO_CHECK(co_await mind_what_cannot_be_sent());
    co_return co_await send_planned();
  }

  void forget_plans() {
    planned_.clear();
    too_old_.clear();
    nowhere_.clear();
  }

  Result<std::optional<Local>> look_up(const ObjectId& id) const {
    BEFFROI_TRY(const auto info, vault_.objects().info(space_, id));
    if (!info) return std::nullopt;
    BEFFROI_TRY(auto children, vault_.objects().children(space_, id));
    return Local{*info, std::move(children)};
  }

  // Of several commits each is negotiated only when its turn comes. What the time left is told by is the whole.
  Result<void> estimate() {
    std::uint64_t bytes = 0;
    BEFFROI_CHECK(vault_.objects().iterate(space_, [&](const ObjectId&, const storage::ObjectInfo& info) {
      if (info.bytes_present && !info.receipted && !info.quarantined) bytes += info.sealed_bytes;
      return true;
    }));
    progress_.bytes_to_send = bytes;
    estimated_ = true;
    return {};
  }

  void plan(const ObjectId& id, const storage::ObjectInfo& info) {
    planned_[info.height].push_back(id);
    if (!estimated_) progress_.bytes_to_send += info.sealed_bytes;
  }

  asio::awaitable<Result<void>> push_commit(const Commit& commit) {
    Result<void> pushed;
    for (int i = 0; i < kTries; ++i) {
      if (!leased_) {
        BEFFROI_CO_CHECK(co_await open_lease());
      }
      pushed = co_await try_push(commit);
      if (pushed || pushed.error().code != ErrorCode::conflict) break;
      leased_ = false;
    }
    co_return pushed;
  }

  asio::awaitable<Result<void>> try_push(const Commit& commit) {
    forget_plans();
    std::vector<ObjectId> root(1, commit.clear.root);
    BEFFROI_CO_CHECK(co_await negotiate(std::move(root)));
    BEFFROI_CO_CHECK(co_await mind_what_cannot_be_sent());
    BEFFROI_CO_CHECK(co_await send_planned());
    const auto encoded = co_await pool_.run([&] { return vault_.store().commit(commit.id); });
    if (!encoded) co_return forward_error(encoded);
    if (!*encoded)
      co_return fail(ErrorCode::corrupt, N_("The snapshot {} is missing from this station's store. Check the disk."),
                     commit.id.hex());
    Message request(CommitMessage{**encoded, losses_});
    BEFFROI_CO_TRY(const ReceiptMessage answer, co_await session_.call<ReceiptMessage>(std::move(request)));
    leased_ = false;  // it ended with its commit
    co_return co_await keep_receipt(commit, answer.receipt);
  }

  asio::awaitable<Result<void>> keep_receipt(const Commit& commit, const Bytes& encoded) {
    const auto binding = vault_.peer();
    if (!binding) co_return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
    BEFFROI_CO_TRY(const storage::Receipt receipt, storage::decode_receipt(encoded, binding->peer.sign));
    if (receipt.commit != commit.id || receipt.space != space_)
      co_return fail(ErrorCode::corrupt, N_("The peer signed a receipt for something else than what was sent to it."));
    const auto kept = co_await pool_.run([&] { return vault_.accept_receipt(encoded); });
    if (kept || kept.error().code != ErrorCode::conflict) co_return kept;
    // Other devices got receipts in between: theirs come first in the chain.
    BEFFROI_CO_CHECK(co_await take_receipts(session_, vault_, pool_));
    co_return co_await pool_.run([&] { return check_kept(commit, encoded); });
  }

  // A receipt far ahead of the chain, which the peer then does not show, acknowledges nothing.
  Result<void> check_kept(const Commit& commit, const Bytes& encoded) {
    BEFFROI_TRY(const auto kept, vault_.store().receipt_of(commit.id));
    if (kept == encoded) return {};
    return fail(
        ErrorCode::corrupt,
        N_("The peer gave a receipt for the snapshot {} that is not in the chain which it shows. Do not trust it "
           "until its operator has explained this."),
        commit.id.hex());
  }

  // Level by level: which of these does the peer lack, and what are those made of?
  asio::awaitable<Result<void>> negotiate(std::vector<ObjectId> open) {
    std::unordered_set<ObjectId> asked(open.begin(), open.end());
    while (!open.empty()) {
      std::vector<ObjectId> below;
      for (std::span<const ObjectId> rest = open; !rest.empty();) {
        BEFFROI_CO_CHECK(check_cancelled());
        const auto part = rest.first(std::min(rest.size(), kMaxIdsPerMessage));
        rest = rest.subspan(part.size());
        Message request(LacksMessage{{part.begin(), part.end()}});
        BEFFROI_CO_TRY(const LackingMessage answer, co_await session_.call<LackingMessage>(std::move(request)));
        if (answer.lacking.size() != part.size()) co_return std::unexpected(session_.unexpected_answer());
        BEFFROI_CO_CHECK(co_await pool_.run([&] { return descend(part, answer.lacking, asked, below); }));
      }
      open = std::move(below);
    }
    co_return Result<void>();
  }

  Result<void> descend(std::span<const ObjectId> ids, const std::vector<bool>& lacking,
                       std::unordered_set<ObjectId>& asked, std::vector<ObjectId>& below) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!lacking[i]) continue;
      BEFFROI_TRY(const auto local, look_up(ids[i]));
      if (!can_be_sent(local)) {
        if (wanted_.contains(ids[i])) continue;  // told already
        if (newer_pending_ && (!local || local->info.quarantined)) return give_up(ids[i]);
        nowhere_.push_back(ids[i]);
        if (local) ask_below(*local, asked, below);
        continue;
      }
      if (local->info.epoch != epoch_ && !wanted_.contains(ids[i])) too_old_.push_back(ids[i]);
      plan(ids[i], local->info);
      ask_below(*local, asked, below);
    }
    return {};
  }

  static void ask_below(const Local& local, std::unordered_set<ObjectId>& asked, std::vector<ObjectId>& below) {
    for (const ObjectId& child : local.children)
      if (asked.insert(child).second) below.push_back(child);
  }

  // What the peer let go just now, by the rules, it has not lost.
  asio::awaitable<Result<void>> mind_what_cannot_be_sent() {
    if (!nowhere_.empty()) {
      BEFFROI_CO_CHECK(co_await exchange_state_over(session_, vault_, pool_));
    }
    co_return co_await pool_.run([&] { return put_down_what_cannot_be_sent(); });
  }

  // All of it at once, so that the next backup stores it anew and its push passes.
  Result<void> put_down_what_cannot_be_sent() {
    for (const ObjectId& id : nowhere_) BEFFROI_CHECK(vault_.objects().quarantine(space_, id));
    BEFFROI_CHECK(let_go_of_old());
    if (nowhere_.empty()) return {};
    if (wanted_.size() == kMaxIdsPerMessage) return {};  // the peer wants more than it could name: see open_lease()
    // Snapshots went at the peer since this one was made, and it relied on what they held.
    if (vault_.marks_are_unsure()) return let_go_meanwhile();
    return fail(
        ErrorCode::corrupt,
        N_("The peer has lost the object {}, which this station no longer has. The next backup stores it anew."),
        nowhere_.front().hex());
  }

  // A receipt covered them, and the peer let them go with the snapshots that it was for. It takes nothing new of an
  // older epoch, so what counts on them can't be sent; and as long as they count as receipted, nor can what comes next.
  Result<void> let_go_of_old() {
    if (too_old_.empty()) return {};
    BEFFROI_CHECK(vault_.objects().mark_unreceipted(space_, too_old_));
    BEFFROI_CHECK(vault_.set_aside_pending());
    return let_go_meanwhile();
  }

  static std::unexpected<Error> let_go_meanwhile() {
    return fail(ErrorCode::wrong_state,
                N_("The peer let older snapshots go, by the rules, whose data this one counted on. Back up again: it "
                   "is then stored anew."));
  }

  // Not even a newer backup has stored the object anew: what needs it can't be sent, and must not stand in the way of
  // later snapshots.
  Result<void> give_up(const ObjectId& id) {
    BEFFROI_CHECK(vault_.set_aside_pending());
    if (vault_.marks_are_unsure()) return let_go_meanwhile();
    return fail(ErrorCode::corrupt,
                N_("The object {} of the snapshots that were to be sent is damaged here. They were set aside. Back up "
                   "again."),
                id.hex());
  }

  // By height: what an object is made of comes before it.
  asio::awaitable<Result<void>> send_planned() {
    std::vector<ObjectId> order;
    for (const auto& [height, ids] : planned_) order.insert(order.end(), ids.begin(), ids.end());
    planned_.clear();
    const auto count = [this](std::size_t bytes) {
      ++result_.objects_sent;
      progress_.bytes_sent += bytes;
    };
    ObjectSender sender(session_, vault_, pool_, line_, ObjectSender::Check::id, [this] { return check_cancelled(); });
    const auto sent = co_await sender.send(order, count);
    // Who stops does not wait for a slow line: it is closed next.
    if (!sent && sent.error().code == ErrorCode::cancelled) co_return sent;
    const auto durable = co_await sender.finish();
    co_return sent ? durable : sent;
  }

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
  Progress& progress_;
  Line* const line_;
  const storage::SpaceId space_;
  const storage::Epoch epoch_;  ///< of what the peer takes
  PushResult result_;
  bool leased_ = false;
  bool estimated_ = false;      ///< progress_.bytes_to_send counts all commits already
  bool newer_pending_ = false;  ///< behind the commit that is being pushed
  std::set<ObjectId> wanted_;
  std::vector<ObjectId> losses_;  ///< of what is wanted: gone here too
  std::set<ObjectId> gone_;       ///< all losses of this push
  std::map<std::uint8_t, std::vector<ObjectId>> planned_;
  std::vector<ObjectId> too_old_;  ///< lacking at the peer, which would refuse them
  std::vector<ObjectId> nowhere_;  ///< lacking at the peer, and evicted here
};

}  // namespace

asio::awaitable<Result<PushResult>> push_over(LinkSession& session, Vault& vault, Pool& pool, Progress& progress,
                                              Line* line) {
  Push push(session, vault, pool, progress, line);
  co_return co_await push.run();
}

}  // namespace beffroi::daemon
