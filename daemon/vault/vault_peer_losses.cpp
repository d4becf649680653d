// Losses that the peer declares: which of the receipts and expiries here they take out of their chains, and what
// becomes of the snapshots.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "daemon/vault/vault_state.h"

namespace beffroi::daemon {
namespace {

using storage::ChainEnd;
using storage::ChainLoss;
using storage::Commit;
using storage::CommitId;
using storage::Expiry;
using storage::Loss;
using storage::LossId;
using storage::Receipt;
using storage::SpaceStore;

std::unexpected<Error> hidden_loss() {
  return fail(ErrorCode::corrupt,
              N_("The peer no longer shows that it lost data, which it had declared. Nothing here was changed. Ask the "
                 "EPCI what happened to its server."));
}

std::unexpected<Error> broken_chain() {
  return fail(ErrorCode::corrupt,
              N_("The peer does not show in their order the losses that it declared. Nothing here was changed. Ask the "
                 "EPCI what happened to its server."));
}

std::unexpected<Error> other_history(std::uint64_t counter) {
  return fail(
      ErrorCode::corrupt,
      N_("The peer declared a loss, and shows another history from before it (number {}). Do not trust it until "
         "its operator has explained this. Nothing here was changed."),
      std::to_string(counter));
}

std::unexpected<Error> lost_more(std::uint64_t counter) {
  return fail(ErrorCode::corrupt,
              N_("The peer lost more than it declared: it also lacks what it had signed for earlier (number {}). "
                 "Nothing here was changed. Ask the EPCI what happened to its server."),
              std::to_string(counter));
}

/// The two chains that a loss cuts, alike for CutChain.
struct Receipts {
  using Item = Receipt;
  using Id = storage::ReceiptId;
  static auto newest(const SpaceStore& store) { return store.newest_receipt(); }
  static auto at(const SpaceStore& store, std::uint64_t counter) { return store.receipt(counter); }
  static auto decode(ByteView encoded, const crypto::SigningPublicKey& peer) {
    return storage::decode_receipt(encoded, peer);
  }
  static storage::UnixTime time(const Receipt& receipt) { return receipt.peer_time; }
  static const ChainLoss<Id>& of(const Loss& loss) { return loss.receipts; }
};

struct Expiries {
  using Item = Expiry;
  using Id = storage::ExpiryId;
  static auto newest(const SpaceStore& store) { return store.newest_expiry(); }
  static auto at(const SpaceStore& store, std::uint64_t counter) { return store.expiry(counter); }
  static auto decode(ByteView encoded, const crypto::SigningPublicKey& peer) {
    return storage::decode_expiry(encoded, peer);
  }
  static storage::UnixTime time(const Expiry& expiry) { return expiry.as_of; }
  static const ChainLoss<Id>& of(const Loss& loss) { return loss.expiries; }
};

/// What is left of one chain here, loss after loss. Reads only.
template <class Chain>
class CutChain {
 public:
  using Item = typename Chain::Item;
  using End = ChainEnd<typename Chain::Id>;

  CutChain(const SpaceStore& store, const crypto::SigningPublicKey& peer) : store_(store), peer_(peer) {}

  Result<void> begin() {
    BEFFROI_TRY(const auto newest, Chain::newest(store_));
    newest_ = end_ = newest ? newest->first : 0;
    return {};
  }

  /// corrupt when the peer's history parts from ours before the loss. That it covers too little is told by check(): a
  /// later declaration may mend it.
  Result<void> cut(const Loss& loss) {
    BEFFROI_TRY(const std::uint64_t common, last_common(Chain::of(loss)));
    uncovered_ = 0;
    for (std::uint64_t counter = common + 1; counter <= end_ && uncovered_ == 0; ++counter) {
      BEFFROI_TRY(const auto item, read(counter));
      if (item && Chain::time(*item) < loss.since) uncovered_ = counter;
    }
    if (uncovered_ == 0) end_ = common;
    return {};
  }

  Result<void> check() const { return uncovered_ == 0 ? Result<void>() : lost_more(uncovered_); }

  /// Those that were cut off, with their encoding.
  Result<std::vector<std::pair<Item, Bytes>>> lost() const {
    std::vector<std::pair<Item, Bytes>> out;
    for (std::uint64_t counter = end_ + 1; counter <= newest_; ++counter) {
      BEFFROI_TRY(auto encoded, Chain::at(store_, counter));
      if (!encoded) continue;
      BEFFROI_TRY(Item item, Chain::decode(*encoded, peer_));
      out.emplace_back(std::move(item), std::move(*encoded));
    }
    return out;
  }

 private:
  // What both sides have for certain. Between `kept` and `head` the peer may have begun another history before its
  // operator knew: then all of that is taken anew.
  Result<std::uint64_t> last_common(const ChainLoss<typename Chain::Id>& loss) const {
    BEFFROI_TRY(const bool has_head, has(loss.head));
    if (has_head) return loss.head.counter;
    if (loss.kept.counter > end_) return end_;
    BEFFROI_TRY(const bool has_kept, has(loss.kept));
    if (!has_kept) return other_history(loss.kept.counter);
    return loss.kept.counter;
  }

  Result<bool> has(const End& end) const {
    if (end.counter == 0) return true;
    if (end.counter > end_) return false;
    BEFFROI_TRY(const auto item, read(end.counter));
    return item && item->id == end.id;
  }

  Result<std::optional<Item>> read(std::uint64_t counter) const {
    BEFFROI_TRY(const auto encoded, Chain::at(store_, counter));
    if (!encoded) return std::nullopt;
    BEFFROI_TRY(Item item, Chain::decode(*encoded, peer_));
    return std::optional(std::move(item));
  }

  const SpaceStore& store_;
  const crypto::SigningPublicKey peer_;
  std::uint64_t newest_ = 0;
  std::uint64_t end_ = 0;        ///< what is left
  std::uint64_t uncovered_ = 0;  ///< is older than the last loss says
};

/// What the peer shows, as one chain.
Result<std::vector<Loss>> decode_chain(std::span<const Bytes> shown, const storage::SpaceId& space,
                                       const crypto::SigningPublicKey& peer) {
  std::vector<Loss> out;
  for (const Bytes& encoded : shown) {
    BEFFROI_TRY(Loss loss, storage::decode_loss(encoded, peer));
    if (loss.space != space) return fail(ErrorCode::corrupt, N_("The peer declared a loss for another space."));
    std::optional<LossId> before;
    if (!out.empty()) before = out.back().id;
    if (loss.counter != out.size() + 1 || loss.previous != before) return broken_chain();
    out.push_back(std::move(loss));
  }
  return out;
}

bool contains(std::span<const Loss> losses, const LossId& id) {
  return std::ranges::find(losses, id, &Loss::id) != losses.end();
}

/// A peer may lose its own declarations as well, but not without saying so: now, or when it did. `here`: in the order
/// in which they were heard of, `known` of them before the peer was asked.
Result<void> check_none_is_hidden(std::span<const Loss> here, std::size_t known, std::span<const Loss> shown,
                                  std::span<const Loss* const> fresh) {
  for (std::size_t place = 0; place < std::min(known, here.size()); ++place) {
    const Loss& loss = here[place];
    if (contains(shown, loss.id)) continue;
    const auto covers = [&](const Loss& later) { return later.since <= loss.declared && contains(shown, later.id); };
    if (std::ranges::none_of(fresh, [&](const Loss* later) { return covers(*later); }) &&
        std::ranges::none_of(here.subspan(place + 1), covers))
      return hidden_loss();
  }
  return {};
}

/// Those of the chain that are not known yet.
std::vector<const Loss*> find_fresh(std::span<const Loss> chain, std::span<const Loss> known) {
  std::vector<const Loss*> out;
  for (const Loss& loss : chain)
    if (!contains(known, loss.id)) out.push_back(&loss);
  return out;
}

template <class Chain>
Result<std::vector<std::pair<typename Chain::Item, Bytes>>> cut_off(const SpaceStore& store,
                                                                    const crypto::SigningPublicKey& peer,
                                                                    std::span<const Loss* const> losses) {
  CutChain<Chain> chain(store, peer);
  BEFFROI_CHECK(chain.begin());
  for (const Loss* loss : losses) BEFFROI_CHECK(chain.cut(*loss));
  BEFFROI_CHECK(chain.check());
  return chain.lost();
}

}  // namespace

Result<std::vector<PeerLoss>> Vault::peer_losses() const {
  std::vector<PeerLoss> out;
  if (!founded()) return out;
  BEFFROI_TRY(auto losses, state_->store->losses());
  for (Loss& loss : losses) {
    const std::uint64_t place = out.size() + 1;
    BEFFROI_TRY(const auto receipts, state_->store->lost_receipts(place));
    BEFFROI_TRY(const auto expiries, state_->store->lost_expiries(place));
    BEFFROI_TRY(const std::uint64_t unsendable, state_->count_unsendable(receipts));
    out.push_back({std::move(loss), receipts.size(), expiries.size(), unsendable});
  }
  return out;
}

Result<std::uint64_t> Vault::State::count_unsendable(std::span<const Bytes> lost_receipts) const {
  std::uint64_t out = 0;
  for (const Bytes& encoded : lost_receipts) {
    BEFFROI_TRY(const Receipt receipt, storage::parse_receipt(encoded));
    const std::lock_guard lock(facts);
    const auto found = snapshots.find(receipt.commit);
    if (found == snapshots.end()) continue;
    const Snapshot& snapshot = found->second;
    if (snapshot.aside && snapshot.commit.clear.device == device->public_part().id()) ++out;
  }
  return out;
}

Result<void> Vault::State::keep_as_evidence(storage::WriteBatch& batch, std::uint64_t place, const CutOff& cut_off) {
  std::set<CommitId> unreceipted;
  for (const auto& [receipt, encoded] : cut_off.receipts) {
    store->lose_receipt(batch, place, receipt, encoded);
    unreceipted.insert(receipt.commit);
  }
  for (const auto& [expiry, encoded] : cut_off.expiries) {
    store->lose_expiry(batch, place, expiry, encoded);
    // The peer has never heard of these, and their objects may be here no more.
    for (const Expiry::Gone& one : expiry.gone)
      if (unreceipted.contains(one.commit)) put_forgotten(batch, one.commit);
  }
  return unlink_lost(batch, cut_off);
}

Result<void> Vault::State::unlink_lost(storage::WriteBatch& batch, const CutOff& cut_off) {
  std::map<DeviceId, std::uint64_t> first;  // number of the first lost commit of each branch
  for (const auto& [receipt, receipt_bytes] : cut_off.receipts) {
    BEFFROI_TRY(const auto encoded, store->commit(receipt.commit));
    if (!encoded) continue;
    BEFFROI_TRY(const Commit commit, storage::decode_commit(*encoded));
    const auto known = first.emplace(commit.clear.device, commit.clear.sequence).first;
    known->second = std::min(known->second, commit.clear.sequence);
  }
  first.erase(device->public_part().id());
  BEFFROI_TRY(const std::set<CommitId> gone, ids_gone());
  for (const auto& [author, sequence] : first) BEFFROI_CHECK(unlink_from(batch, author, sequence, gone));
  return {};
}

Result<void> Vault::State::unlink_from(storage::WriteBatch& batch, const DeviceId& author, std::uint64_t sequence,
                                       const std::set<CommitId>& gone) {
  BEFFROI_TRY(const auto head, store->branch_head(author));
  for (; head && sequence <= head->sequence; ++sequence) {
    BEFFROI_TRY(const auto id, store->branch_commit(author, sequence));
    if (!id) continue;
    BEFFROI_TRY(const auto encoded, store->commit(*id));
    if (!encoded) continue;
    BEFFROI_TRY(const Commit commit, storage::decode_commit(*encoded));
    store->unlink_commit(batch, commit);
    if (!gone.contains(*id)) put_aside(batch, *id);
  }
  return {};
}

Result<std::size_t> Vault::accept_losses(std::span<const Bytes> shown, std::size_t known) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const auto binding = peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  const SpaceStore& store = *state_->store;
  BEFFROI_TRY(const std::vector<Loss> chain, decode_chain(shown, store.space(), binding->peer.sign));
  BEFFROI_TRY(const std::vector<Loss> here, store.losses());
  const std::vector<const Loss*> fresh = find_fresh(chain, here);
  BEFFROI_CHECK(check_none_is_hidden(here, known, chain, fresh));
  if (fresh.empty()) return 0;
  State::CutOff cut;
  BEFFROI_TRY(cut.receipts, cut_off<Receipts>(store, binding->peer.sign, fresh));
  BEFFROI_TRY(cut.expiries, cut_off<Expiries>(store, binding->peer.sign, fresh));
  storage::WriteBatch batch;
  std::uint64_t place = here.size();
  for (const Loss* loss : fresh) store.put_loss(batch, ++place, shown[loss->counter - 1]);
  BEFFROI_CHECK(state_->keep_as_evidence(batch, place, cut));
  // Marks of what the peer has are not to be trusted before everything has its receipt again.
  if (!cut.receipts.empty() || !cut.expiries.empty()) put_collection_due(batch);
  BEFFROI_CHECK(state_->database->write_since(state_->reopenings, batch, storage::Durability::synced));
  spdlog::warn("the peer declared {} losses: {} receipts and {} expiries are kept as evidence, and count no more",
               fresh.size(), cut.receipts.size(), cut.expiries.size());
  const std::lock_guard lock(state_->facts);
  state_->newest_receipt.reset();
  BEFFROI_CHECK(state_->load_newest_receipt());
  BEFFROI_CHECK(state_->load_snapshots());
  return fresh.size();
}

}  // namespace beffroi::daemon
