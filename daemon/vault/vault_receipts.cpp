// Receipts: what the peer has acknowledged, and that it never says two different things.
#include <unordered_set>

#include "crypto/assert.h"
#include "daemon/vault/vault_state.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;
using storage::Receipt;

constexpr std::size_t kMarkBatch = 4096;

std::unexpected<Error> forked(std::uint64_t counter) {
  return fail(
      ErrorCode::corrupt,
      N_("The peer signed two different histories (receipt {}). Do not trust it until its operator has explained "
         "this. Nothing here was changed."),
      std::to_string(counter));
}

/// Marks a closure in post-order, so that "receipted" always covers all that is below, even after a crash in the
/// middle.
class ClosureMarker {
 public:
  ClosureMarker(storage::ObjectStore& objects, const storage::SpaceId& space) : objects_(objects), space_(space) {}

  Result<void> mark(const ObjectId& root) {
    BEFFROI_TRY(const auto info, objects_.info(space_, root));
    if (!info || info->receipted) return {};
    BEFFROI_CHECK(visit(root, info->height));
    return flush();
  }

 private:
  // Recursion is as deep as objects are high: at most storage::kMaxHeight.
  Result<void> visit(const ObjectId& id, std::uint8_t height) {
    if (height > 0) {
      if (!visited_.insert(id).second) return {};
      BEFFROI_TRY(const auto children, objects_.children(space_, id));
      BEFFROI_TRY(const auto infos, objects_.info_many(space_, children));
      for (std::size_t i = 0; i < children.size(); ++i) {
        // Unknown here: nothing to mark (a recovered station knows trees and no contents).
        if (!infos[i] || infos[i]->receipted) continue;
        BEFFROI_CHECK(visit(children[i], infos[i]->height));
      }
    }
    batch_.push_back(id);
    return batch_.size() < kMarkBatch ? Result<void>() : flush();
  }

  Result<void> flush() {
    if (batch_.empty()) return {};
    BEFFROI_CHECK(objects_.mark_receipted(space_, batch_));
    batch_.clear();
    return {};
  }

  storage::ObjectStore& objects_;
  const storage::SpaceId space_;
  std::unordered_set<ObjectId> visited_;
  std::vector<ObjectId> batch_;
};

/// Does `receipt` fit the stored chain? True: it is new. False: it is known. corrupt or conflict otherwise.
Result<bool> fits_chain(const storage::SpaceStore& store, const Receipt& receipt, ByteView encoded,
                        const std::optional<Receipt>& newest, const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const auto known, store.receipt(receipt.counter));
  if (known) {
    if (std::equal(known->begin(), known->end(), encoded.begin(), encoded.end())) return false;
    return forked(receipt.counter);
  }
  const std::uint64_t last = newest ? newest->counter : 0;
  if (receipt.counter > last + 1)
    return fail(ErrorCode::conflict,
                N_("The peer's receipt {} does not follow the last one known here ({}): synchronise again."),
                std::to_string(receipt.counter), std::to_string(last));
  if (receipt.counter == last + 1) {
    storage::ChainEnd<storage::ReceiptId> end;
    if (newest) end = {newest->counter, newest->id};
    BEFFROI_TRY(const auto link, store.link_after(end));
    if (receipt.previous != link) return forked(receipt.counter);
    return true;
  }
  // Older than all that this station has seen: it must be what the next one continues.
  BEFFROI_TRY(const auto next, store.receipt(receipt.counter + 1));
  if (!next)
    return fail(ErrorCode::conflict,
                N_("The peer's receipt {} does not follow the last one known here ({}): synchronise again."),
                std::to_string(receipt.counter), std::to_string(newest->counter));
  BEFFROI_TRY(const Receipt follower, storage::decode_receipt(*next, peer));
  BEFFROI_TRY(const auto link, store.link_after(storage::ChainEnd<storage::ReceiptId>{receipt.counter, receipt.id}));
  if (follower.previous != link) return forked(receipt.counter);
  return true;
}

}  // namespace

Result<void> Vault::State::mark_closure(const ObjectId& root) {
  return ClosureMarker(*objects, store->space()).mark(root);
}

std::optional<Receipt> Vault::newest_receipt() const {
  const std::lock_guard lock(state_->facts);
  return state_->newest_receipt;
}

Result<void> Vault::accept_receipt(ByteView encoded) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const auto binding = peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  BEFFROI_TRY(const Receipt receipt, storage::decode_receipt(encoded, binding->peer.sign));
  if (receipt.space != state_->store->space())
    return fail(ErrorCode::corrupt, N_("The peer signed a receipt for another space."));
  const auto newest = newest_receipt();
  BEFFROI_TRY(const bool is_new, fits_chain(*state_->store, receipt, encoded, newest, binding->peer.sign));
  BEFFROI_TRY(const auto commit_bytes, state_->store->commit(receipt.commit));
  // Marks first: the receipt in hand makes them true, and once it is stored nobody asks for them again.
  if (commit_bytes) {
    BEFFROI_TRY(const auto commit, storage::decode_commit(*commit_bytes));
    BEFFROI_CHECK(state_->mark_closure(commit.clear.root));
  }
  if (!is_new) return {};
  storage::WriteBatch batch;
  state_->store->put_receipt(batch, receipt, encoded);
  BEFFROI_CHECK(state_->store->write(batch, storage::Durability::synced));
  const std::lock_guard lock(state_->facts);
  if (!newest || receipt.counter > newest->counter) state_->newest_receipt = receipt;
  const auto snapshot = state_->snapshots.find(receipt.commit);
  if (snapshot != state_->snapshots.end()) {
    snapshot->second.receipt_time = receipt.peer_time;
    snapshot->second.receipt_counter = receipt.counter;
  }
  return {};
}

}  // namespace beffroi::daemon
