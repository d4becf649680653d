// A peer that was restored from an older state says so, space by space.
#include "daemon/sync/hosted_space.h"

namespace beffroi::daemon {
namespace {

using storage::ChainEnd;
using storage::ChainLoss;
using storage::Expiry;
using storage::ExpiryId;
using storage::Loss;
using storage::Receipt;
using storage::ReceiptId;
using storage::SpaceStore;
using storage::UnixTime;

/// One item of a chain.
template <class Id>
struct Link {
  Id id;
  UnixTime time;
};

/// From the newest one, number `newest`, back to the first that is older than `since`. `read(number)` gives a Link.
template <class Id, class Read>
Result<ChainLoss<Id>> find_ends(std::uint64_t newest, UnixTime since, const Read& read) {
  ChainLoss<Id> out;
  for (std::uint64_t counter = newest; counter > 0; --counter) {
    BEFFROI_TRY(const Link<Id> link, read(counter));
    const ChainEnd<Id> end{.counter = counter, .id = link.id};
    if (counter == newest) out.head = end;
    if (link.time >= since) continue;
    out.kept = end;
    break;
  }
  return out;
}

std::unexpected<Error> gap() {
  return fail(ErrorCode::corrupt, N_("What this peer knows of its tenants is damaged. Restore its database."));
}

Result<ChainLoss<ReceiptId>> receipts_since(const SpaceStore& store, UnixTime since) {
  BEFFROI_TRY(const auto newest, store.newest_receipt());
  return find_ends<ReceiptId>(newest ? newest->first : 0, since, [&](std::uint64_t number) -> Result<Link<ReceiptId>> {
    BEFFROI_TRY(const auto encoded, store.receipt(number));
    if (!encoded) return gap();
    BEFFROI_TRY(const Receipt receipt, storage::parse_receipt(*encoded));
    return Link<ReceiptId>{receipt.id, receipt.peer_time};
  });
}

Result<ChainLoss<ExpiryId>> expiries_since(const SpaceStore& store, UnixTime since,
                                           const crypto::SigningPublicKey& peer) {
  BEFFROI_TRY(const auto newest, store.newest_expiry());
  return find_ends<ExpiryId>(newest ? newest->first : 0, since, [&](std::uint64_t number) -> Result<Link<ExpiryId>> {
    BEFFROI_TRY(const auto encoded, store.expiry(number));
    if (!encoded) return gap();
    BEFFROI_TRY(const Expiry expiry, storage::decode_expiry(*encoded, peer));
    return Link<ExpiryId>{expiry.id, expiry.as_of};
  });
}

}  // namespace

Result<void> check_loss_count(std::size_t known) {
  if (known < storage::kMaxLosses) return {};
  return fail(ErrorCode::limit_exceeded, N_("A peer can declare at most {} losses to a station."),
              std::to_string(storage::kMaxLosses));
}

Result<Loss> HostedSpaceImpl::declare_loss(const LossWords& words) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_TRY(const auto known, store_.losses());
  BEFFROI_CHECK(check_loss_count(known.size()));
  Loss loss;
  loss.space = space();
  loss.counter = known.size() + 1;
  if (!known.empty()) loss.previous = known.back().id;
  loss.declared = parts_.clock.now();
  loss.since = std::min(words.since, loss.declared);
  loss.reason = words.reason;
  BEFFROI_TRY(loss.receipts, receipts_since(store_, loss.since));
  BEFFROI_TRY(loss.expiries, expiries_since(store_, loss.since, parts_.sign.public_key));
  const Bytes encoded = storage::make_loss(loss, parts_.sign);
  storage::WriteBatch batch;
  store_.put_loss(batch, loss.counter, encoded);
  BEFFROI_CHECK(delay_deletions(batch, loss.declared));
  BEFFROI_CHECK(parts_.database.write_since(reopenings_, batch, storage::Durability::synced));
  return loss;
}

// That one was cancelled may be lost as well: whoever cancelled it has time to do so again.
Result<void> HostedSpaceImpl::delay_deletions(storage::WriteBatch& batch, UnixTime now) {
  BEFFROI_CHECK(note_all_deletions());
  BEFFROI_TRY(const auto deletions, load_deletions(parts_.database, space()));
  for (const auto& [record, state] : deletions)
    put_deletion(batch, space(), record, {.received = now, .cancelled = state.cancelled});
  return {};
}

Result<bool> HostedSpaceImpl::waits_after_loss() const {
  BEFFROI_TRY(const auto known, store_.losses());
  if (known.empty()) return false;
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  return (newest ? newest->first : 0) <= known.back().receipts.head.counter;
}

}  // namespace beffroi::daemon
