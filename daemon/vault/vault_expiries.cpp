// What the peer let go: taken only when this vault's own rules say the same.
#include "daemon/vault/vault_state.h"
#include "storage/space/counted_branch.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::Expiry;
using storage::RetentionVerdict;

std::unexpected<Error> two_stories(std::uint64_t counter) {
  return fail(ErrorCode::corrupt,
              N_("The peer tells two stories of what it let go (number {}). Do not trust it until its operator has "
                 "explained this."),
              std::to_string(counter));
}

std::unexpected<Error> let_go_wrongly(const CommitId& commit) {
  return fail(ErrorCode::corrupt,
              N_("The peer let the snapshot {} go, although the rules of this vault keep it. Nothing here was changed. "
                 "Ask the EPCI what happened to its server."),
              commit.hex());
}

std::unexpected<Error> older_log(std::uint64_t counter) {
  return fail(ErrorCode::corrupt,
              N_("The peer let snapshots go (number {}) by rules that are older than those it had signed for before. "
                 "Nothing here was changed. Ask the EPCI what happened to its server."),
              std::to_string(counter));
}

/// A date ahead of this machine's by more than this is not gone by: what is here must not go because of a wrong clock,
/// or of a peer that says any date.
constexpr std::int64_t kClockLeewayS = 24 * 3600;

std::unexpected<Error> clocks_differ() {
  return fail(ErrorCode::wrong_state,
              N_("The peer let snapshots go by a date that is far ahead of this machine's clock. They stay listed here "
                 "until both clocks are right."));
}

/// Does `expiry` fit the stored chain? True: it is new. False: it is known. corrupt or conflict otherwise.
Result<bool> fits_chain(const storage::SpaceStore& store, const storage::SpaceLog& log, const Expiry& expiry,
                        ByteView encoded, const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const auto known, store.expiry(expiry.counter));
  if (known && !std::ranges::equal(*known, encoded)) return two_stories(expiry.counter);
  if (known) return false;
  BEFFROI_TRY(const auto newest, store.newest_expiry());
  const std::uint64_t last = newest ? newest->first : 0;
  if (expiry.counter != last + 1)
    return fail(ErrorCode::conflict, N_("What the peer let go is not shown in its order: synchronise again."));
  if (!newest) return true;
  BEFFROI_TRY(const Expiry before, storage::decode_expiry(newest->second, peer));
  if (expiry.previous != before.id || expiry.as_of < before.as_of) return two_stories(expiry.counter);
  const auto decided_by = log.position(expiry.log_head);
  if (decided_by && log.position(before.log_head) > decided_by) return older_log(expiry.counter);
  return true;
}

/// The peer's decision, made again from the log as it was then and the receipts that are here.
class Recomputation {
 public:
  Recomputation(const storage::SpaceStore& store, const storage::SpaceLog& log) : store_(store), log_(log) {}

  Result<void> check(const Expiry& expiry) {
    BEFFROI_CHECK(evaluate(expiry));
    for (const Expiry::Gone& gone : expiry.gone) {
      const auto verdict = verdicts_.find(gone.commit);
      if (verdict == verdicts_.end() || !agrees(gone, verdict->second, expiry.as_of))
        return let_go_wrongly(gone.commit);
    }
    return {};
  }

 private:
  // Receipts that came after the decision are looked at as well: they keep nothing that is older than they are. (To
  // leave out what seems to be later would accuse a peer whose clock was put back.)
  Result<void> evaluate(const Expiry& expiry) {
    BEFFROI_TRY(const auto branches, store_.held_branches());
    for (const auto& [device, held] : branches) {
      const auto branch = storage::counted_branch(log_, device, held);
      // Under a log head that a receipt named before, later records (a cancelled deletion, a longer lock) count.
      const bool knew_more = std::ranges::any_of(branch, [&](const storage::ReceiptedCommit& commit) {
        return commit.receipted < expiry.as_of && !log_.position(commit.log_head);
      });
      if (knew_more) return older_log(expiry.counter);
      const auto input = storage::retention_input(log_, branch);
      for (RetentionVerdict& verdict : evaluate_retention(input, log_.retentions(), expiry.as_of))
        verdicts_.emplace(verdict.commit, verdict);
    }
    return {};
  }

  bool agrees(const Expiry::Gone& gone, const RetentionVerdict& verdict, storage::UnixTime as_of) const {
    if (!gone.deletion) return verdict.reasons.empty();
    const auto position = log_.position(*gone.deletion);
    const auto* deletion = position ? std::get_if<storage::DeletionBody>(&log_.records()[*position].body) : nullptr;
    return deletion != nullptr && !log_.cancelled(*gone.deletion) && as_of >= verdict.locked_until &&
           !verdict.reasons.has(storage::KeepReason::future) &&
           std::ranges::binary_search(deletion->commits, gone.commit);
  }

  const storage::SpaceStore& store_;
  const storage::SpaceLog& log_;
  std::map<CommitId, RetentionVerdict> verdicts_;
};

/// The log as it was when the peer decided.
Result<storage::SpaceLog> log_up_to(const storage::SpaceLog& log, const storage::RecordId& head) {
  const auto position = log.position(head);
  if (!position)
    return fail(ErrorCode::conflict, N_("What the peer let go is not shown in its order: synchronise again."));
  if (*position + 1 == log.encoded().size()) return log;
  return storage::SpaceLog::from_records(std::span(log.encoded()).first(*position + 1), log.space());
}

}  // namespace

Result<std::uint64_t> Vault::newest_expiry() const {
  BEFFROI_TRY(const auto newest, state_->store->newest_expiry());
  return newest ? newest->first : 0;
}

Result<void> Vault::accept_expiry(ByteView encoded) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const auto binding = peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  BEFFROI_TRY(const Expiry expiry, storage::decode_expiry(encoded, binding->peer.sign));
  if (expiry.space != state_->store->space())
    return fail(ErrorCode::corrupt, N_("The peer signed for another space what it let go."));
  const storage::SpaceLog now = log();
  BEFFROI_TRY(const bool is_new, fits_chain(*state_->store, now, expiry, encoded, binding->peer.sign));
  if (!is_new) return {};
  if (expiry.as_of.seconds - state_->clock.now().seconds > kClockLeewayS) return clocks_differ();
  BEFFROI_TRY(const storage::SpaceLog then, log_up_to(now, expiry.log_head));
  BEFFROI_CHECK(Recomputation(*state_->store, then).check(expiry));
  storage::WriteBatch batch;
  state_->store->put_expiry(batch, expiry, encoded);
  put_collection_due(batch);
  BEFFROI_CHECK(state_->store->write(batch, storage::Durability::synced));
  const std::lock_guard lock(state_->facts);
  for (const Expiry::Gone& gone : expiry.gone) state_->snapshots.erase(gone.commit);
  return {};
}

}  // namespace beffroi::daemon
