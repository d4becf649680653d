// What the peer let go: taken only when this vault's own rules say the same.
#include "daemon/vault/vault_state.h"
#include "storage/space/counted_branch.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::Expiry;
using storage::RetentionVerdict;

// In the table `state`: the date of an expiry that was not taken, as it is far ahead of our clock; le64.
constexpr std::string_view kRefusedDate = "vault/refused_expiry_date";

Bytes encode_date(storage::UnixTime date) {
  Bytes out(8);
  put_le64(out.data(), static_cast<std::uint64_t>(date.seconds));
  return out;
}

Result<std::optional<storage::UnixTime>> load_refused_date(const storage::Database& database) {
  BEFFROI_TRY(const auto stored, database.get(storage::Table::state, as_bytes(kRefusedDate)));
  if (!stored || stored->size() != 8) return std::nullopt;
  return storage::UnixTime{static_cast<std::int64_t>(get_le64(stored->data()))};
}

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
  if (!newest) {
    BEFFROI_TRY(const auto first, store.link_after(storage::ChainEnd<storage::ExpiryId>{}));
    return expiry.previous == first ? Result<bool>(true) : two_stories(expiry.counter);
  }
  BEFFROI_TRY(const Expiry before, storage::decode_expiry(newest->second, peer));
  BEFFROI_TRY(const auto link, store.link_after(storage::ChainEnd<storage::ExpiryId>{before.counter, before.id}));
  if (expiry.previous != link || expiry.as_of < before.as_of) return two_stories(expiry.counter);
  const auto decided_by = log.position(expiry.log_head);
  if (decided_by && log.position(before.log_head) > decided_by) return older_log(expiry.counter);
  return true;
}

std::unexpected<Error> older_log_than_lost() {
  return fail(ErrorCode::wrong_state,
              N_("The peer let snapshots go by rules that are older than those it had signed for before it lost data. "
                 "They stay listed here."));
}

/// Receipts that the peer lost say which log it had when it gave them: rules that it forgot with them let nothing go
/// here.
Result<bool> knew_more_before_loss(const storage::SpaceStore& store, const storage::SpaceLog& then,
                                   storage::UnixTime as_of) {
  BEFFROI_TRY(const auto losses, store.losses());
  for (std::uint64_t place = 1; place <= losses.size(); ++place) {
    BEFFROI_TRY(const auto lost, store.lost_receipts(place));
    for (const Bytes& encoded : lost) {
      BEFFROI_TRY(const storage::Receipt receipt, storage::parse_receipt(encoded));
      if (receipt.peer_time < as_of && !then.position(receipt.log_head)) return true;
    }
  }
  return false;
}

/// The log as it was when the peer decided.
Result<storage::SpaceLog> log_up_to(const storage::SpaceLog& log, const storage::RecordId& head) {
  const auto position = log.position(head);
  if (!position)
    return fail(ErrorCode::corrupt,
                N_("The peer let snapshots go by a log which it hides. Nothing here was changed. Ask the EPCI what "
                   "happened to its server."));
  if (*position + 1 == log.encoded().size()) return log;
  return storage::SpaceLog::from_records(std::span(log.encoded()).first(*position + 1), log.space());
}

/// The peer's decisions, made again from the log as it was then and the receipts that are here. One for a row of
/// expiries: what many have in common is read and verified once.
class Recomputation {
 public:
  Recomputation(const storage::SpaceStore& store, const storage::SpaceLog& log) : store_(store), log_(log) {}

  Result<void> check(const Expiry& expiry) {
    if (!then_ || then_->head().id != expiry.log_head) {
      BEFFROI_TRY(then_, log_up_to(log_, expiry.log_head));
    }
    if (!held_) {
      BEFFROI_TRY(held_, store_.held_branches());
    }
    BEFFROI_TRY(const bool knew_more, knew_more_before_loss(store_, *then_, expiry.as_of));
    if (knew_more) return older_log_than_lost();
    BEFFROI_CHECK(evaluate(expiry));
    for (const Expiry::Gone& gone : expiry.gone) {
      const auto verdict = verdicts_.find(gone.commit);
      if (verdict == verdicts_.end() || !agrees(gone, verdict->second, expiry.as_of))
        return let_go_wrongly(gone.commit);
    }
    return {};
  }

  /// It was stored: what it names is held no longer.
  void taken(const Expiry& expiry) {
    std::set<CommitId> gone;
    for (const Expiry::Gone& one : expiry.gone) gone.insert(one.commit);
    for (auto& [device, held] : *held_)
      std::erase_if(held, [&](const storage::ReceiptedCommit& commit) { return gone.contains(commit.commit); });
  }

 private:
  // Receipts that came after the decision are looked at as well: they keep nothing that is older than they are. (To
  // leave out what seems to be later would accuse a peer whose clock was put back.)
  Result<void> evaluate(const Expiry& expiry) {
    verdicts_.clear();
    for (const auto& [device, held] : *held_) {
      const auto branch = storage::counted_branch(*then_, device, held);
      // Under a log head that a receipt named before, later records (a cancelled deletion, a longer lock) count.
      const bool knew_more = std::ranges::any_of(branch, [&](const storage::ReceiptedCommit& commit) {
        return commit.receipted < expiry.as_of && !then_->position(commit.log_head);
      });
      if (knew_more) return older_log(expiry.counter);
      const auto input = storage::retention_input(*then_, branch);
      for (RetentionVerdict& verdict : evaluate_retention(input, then_->retentions(), expiry.as_of))
        verdicts_.emplace(verdict.commit, verdict);
    }
    return {};
  }

  bool agrees(const Expiry::Gone& gone, const RetentionVerdict& verdict, storage::UnixTime as_of) const {
    if (!gone.deletion) return verdict.reasons.empty();
    const auto position = then_->position(*gone.deletion);
    const auto* deletion = position ? std::get_if<storage::DeletionBody>(&then_->records()[*position].body) : nullptr;
    return deletion != nullptr && !then_->cancelled(*gone.deletion) && as_of >= verdict.locked_until &&
           !verdict.reasons.has(storage::KeepReason::future) &&
           std::ranges::binary_search(deletion->commits, gone.commit);
  }

  const storage::SpaceStore& store_;
  const storage::SpaceLog& log_;
  std::optional<storage::SpaceLog> then_;
  std::optional<std::map<DeviceId, std::vector<storage::ReceiptedCommit>>> held_;
  std::map<CommitId, RetentionVerdict> verdicts_;
};

/// Takes expiries one after the other. Under the vault's lock `writing`.
class ExpiryTaking {
 public:
  ExpiryTaking(storage::Database& database, const storage::SpaceStore& store, const crypto::SigningPublicKey& peer,
               storage::UnixTime now, storage::SpaceLog log)
      : database_(database), store_(store), peer_(peer), now_(now), log_(std::move(log)), recomputation_(store, log_) {}

  /// nullopt: it is known.
  Result<std::optional<Expiry>> take(ByteView encoded) {
    BEFFROI_TRY(Expiry expiry, storage::decode_expiry(encoded, peer_));
    if (expiry.space != store_.space())
      return fail(ErrorCode::corrupt, N_("The peer signed for another space what it let go."));
    BEFFROI_TRY(const bool is_new, fits_chain(store_, log_, expiry, encoded, peer_));
    if (!is_new) return std::nullopt;
    const bool ahead = expiry.as_of.seconds > now_.seconds + kClockLeewayS;
    BEFFROI_CHECK(note_refused_date(ahead ? std::optional(expiry.as_of) : std::nullopt));
    if (ahead) return clocks_differ();
    BEFFROI_CHECK(recomputation_.check(expiry));
    storage::WriteBatch batch;
    store_.put_expiry(batch, expiry, encoded);
    put_collection_due(batch);
    BEFFROI_CHECK(store_.write(batch, storage::Durability::synced));
    recomputation_.taken(expiry);
    return std::optional(std::move(expiry));
  }

 private:
  Result<void> note_refused_date(std::optional<storage::UnixTime> date) {
    BEFFROI_TRY(const auto before, load_refused_date(database_));
    if (before == date) return {};
    storage::WriteBatch batch;
    if (date)
      batch.put(storage::Table::state, as_bytes(kRefusedDate), encode_date(*date));
    else
      batch.remove(storage::Table::state, as_bytes(kRefusedDate));
    return database_.write(batch, storage::Durability::buffered);
  }

  storage::Database& database_;
  const storage::SpaceStore& store_;
  const crypto::SigningPublicKey peer_;
  const storage::UnixTime now_;
  const storage::SpaceLog log_;
  Recomputation recomputation_;
};

}  // namespace

Result<std::uint64_t> Vault::newest_expiry() const {
  BEFFROI_TRY(const auto newest, state_->store->newest_expiry());
  return newest ? newest->first : 0;
}

Result<std::optional<storage::UnixTime>> Vault::refused_expiry_date() const {
  return load_refused_date(*state_->database);
}

Result<void> Vault::accept_expiries(std::span<const Bytes> encoded) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const auto binding = peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  ExpiryTaking taking(*state_->database, *state_->store, binding->peer.sign, state_->clock.now(), log());
  for (const Bytes& one : encoded) {
    BEFFROI_TRY(const auto taken, taking.take(one));
    if (!taken) continue;
    const std::lock_guard lock(state_->facts);
    for (const Expiry::Gone& gone : taken->gone) state_->snapshots.erase(gone.commit);
  }
  return {};
}

}  // namespace beffroi::daemon
