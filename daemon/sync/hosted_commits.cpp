// The rules by which a peer accepts a commit and gives its receipt.
#include <unordered_set>

#include "crypto/planted.h"
#include "daemon/sync/hosted_space.h"

namespace beffroi::daemon {
namespace {

using crypto::Fault;
using crypto::planted;
using storage::Commit;
using storage::Durability;
using storage::ObjectId;
using storage::Receipt;
using storage::WriteBatch;

bool is_tree(storage::ObjectKind kind) {
  return kind == storage::ObjectKind::leaf || kind == storage::ObjectKind::node;
}

}  // namespace

Result<Bytes> HostedSpaceImpl::accept_commit(const storage::LeaseId& lease, const DeviceId& device, ByteView encoded,
                                             std::span<const ObjectId> losses) {
  auto receipt = take_commit(lease, device, encoded, losses);
  if (!receipt) audit_refusal(device_actor(device), receipt.error());
  return receipt;
}

Result<Bytes> HostedSpaceImpl::take_commit(const storage::LeaseId& lease, const DeviceId& device, ByteView encoded,
                                           std::span<const ObjectId> losses) {
  BEFFROI_TRY(const Commit commit, storage::decode_commit(encoded));
  BEFFROI_TRY(const auto writing, begin_change());
  // The answer to an earlier push may have been lost on the way.
  BEFFROI_TRY(auto given, store_.receipt_of(commit.id));
  if (given) return std::move(*given);
  BEFFROI_CHECK(check_active());
  BEFFROI_TRY(const storage::Lease open, use_lease(lease));
  BEFFROI_CHECK(check_new_commit(commit, device, open));
  BEFFROI_CHECK(note_losses(losses));
  BEFFROI_CHECK(check_closure(commit));
  BEFFROI_CHECK(take_stock());
  BEFFROI_TRY(const auto room, organisation_->reserve(encoded.size(), kind()));
  shade({&commit.clear.root, 1});
  BEFFROI_TRY(Bytes receipt, give_receipt(commit, encoded, lease));
  BEFFROI_CHECK(take_stock());
  return receipt;
}

Result<void> HostedSpaceImpl::check_new_commit(const Commit& commit, const DeviceId& pushed_by,
                                               const storage::Lease& lease) {
  const bool own_lease = lease.device == pushed_by || planted(Fault::drop_lease_check);
  if (!own_lease || commit.clear.device != pushed_by)
    return fail(ErrorCode::refused, N_("A device pushed a snapshot that another one signed."));
  BEFFROI_CHECK(shared_log()->accepts_new_commit(commit));
  BEFFROI_CHECK(check_place(commit));
  BEFFROI_CHECK(check_pace(commit));
  return check_last_receipt(commit);
}

// A branch grows for ever: whoever stole a device must not be able to make it too long to be recovered.
Result<void> HostedSpaceImpl::check_pace(const Commit& commit) {
  constexpr std::int64_t kDaySeconds = 24 * 3600;
  const std::uint64_t most = kind() == storage::SpaceKind::share ? kMaxShareCommitsPerDay : kMaxCommitsPerDay;
  if (commit.clear.sequence <= most) return {};
  BEFFROI_TRY(const auto before, store_.branch_commit(commit.clear.device, commit.clear.sequence - most));
  if (!before) return {};
  BEFFROI_TRY(const auto since, receipted_at(*before));
  if (!since || parts_.clock.now().seconds - since->seconds >= kDaySeconds) return {};
  return fail(ErrorCode::busy, N_("The peer takes at most {} snapshots of a device a day: the others follow later."),
              std::to_string(most));
}

// The devices of a vault find a forking peer out by the receipts that their snapshots name. Somebody who makes one up
// must not be able to accuse an honest peer.
Result<void> HostedSpaceImpl::check_last_receipt(const Commit& commit) {
  const auto& named = commit.clear.last_receipt;
  const auto log = shared_log();
  const bool moved = std::ranges::any_of(log->records(), [&](const storage::Record& record) {
    const auto* home = std::get_if<storage::HomeBody>(&record.body);
    return home != nullptr && home->peer.sign != parts_.sign.public_key;
  });
  if (!named || moved) return {};
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  // Nearly always one of the newest.
  for (std::uint64_t counter = newest ? newest->first : 0; counter > 0; --counter) {
    BEFFROI_TRY(const auto encoded, store_.receipt(counter));
    if (encoded && crypto::hash256(crypto::labels::receipt_id, *encoded) == named->data) return {};
  }
  // One of those that this peer lost.
  BEFFROI_TRY(const bool excused, store_.may_name_lost_receipt(commit.clear.device, commit.clear.sequence));
  if (excused) return {};
  return fail(ErrorCode::refused, N_("The snapshot {} names a receipt that this peer never gave."), commit.id.hex());
}

Result<void> HostedSpaceImpl::check_place(const Commit& commit) {
  BEFFROI_TRY(const auto head, store_.branch_head(commit.clear.device));
  const std::uint64_t next = head ? head->sequence + 1 : 1;
  if (commit.clear.sequence > next)
    return fail(ErrorCode::conflict, N_("The peer has not received the snapshot before {} yet."), commit.id.hex());
  if (commit.clear.sequence < next)
    return fail(
        ErrorCode::refused,
        N_("The peer has another snapshot of this device in the place of {}: the station was put back to an older "
           "state. Run 'beffroi recover' on it."),
        commit.id.hex());
  return check_parents(commit, head);
}

Result<void> HostedSpaceImpl::check_parents(const Commit& commit, const std::optional<storage::BranchHead>& head) {
  const auto& parents = commit.clear.parents;
  if (head && std::find(parents.begin(), parents.end(), head->commit) == parents.end())
    return fail(ErrorCode::refused, N_("The snapshot {} does not continue the last one of its device."),
                commit.id.hex());
  for (const storage::CommitId& parent : parents) {
    BEFFROI_TRY(const auto bytes, store_.commit(parent));
    if (!bytes)
      return fail(ErrorCode::conflict, N_("The peer does not have the snapshot {}, which {} continues."), parent.hex(),
                  commit.id.hex());
    BEFFROI_TRY(const Commit known, storage::decode_commit(*bytes));
    const auto log = shared_log();
    if (log->position(known.clear.log_head) > log->position(commit.clear.log_head))
      return fail(ErrorCode::refused, N_("The snapshot {} was made under an older log than the one it continues."),
                  commit.id.hex());
  }
  return {};
}

// Whoever has a node has all below it (children are present at every put), but for what is openly damaged. So the root
// decides, and a walk is needed only while something is wanted.
Result<void> HostedSpaceImpl::check_closure(const Commit& commit) {
  if (planted(Fault::skip_closure_check)) return {};
  const auto incomplete = [&] {
    return fail(ErrorCode::conflict, N_("The snapshot {} is not complete at the peer: push again."), commit.id.hex());
  };
  BEFFROI_TRY(const auto root, parts_.objects.info(space(), commit.clear.root));
  if (!root || !root->bytes_present || root->quarantined) return incomplete();
  if (!is_tree(root->kind))
    return fail(ErrorCode::refused, N_("What the snapshot {} names as its root is not one."), commit.id.hex());
  std::set<ObjectId> missing;
  {
    const std::lock_guard lock(facts_);
    for (const auto& [id, damage] : damaged_)
      if (damage == Damage::wanted) missing.insert(id);
  }
  if (missing.empty()) return {};
  std::vector<ObjectId> open{commit.clear.root};
  std::unordered_set<ObjectId> seen{commit.clear.root};
  while (!open.empty()) {
    const ObjectId id = open.back();
    open.pop_back();
    if (missing.contains(id)) return incomplete();
    const auto children = parts_.objects.children(space(), id);
    if (!children && children.error().code != ErrorCode::not_found) return forward_error(children);
    if (!children) continue;  // a loss that was named, of which not even the facts are left
    for (const ObjectId& child : *children)
      if (seen.insert(child).second) open.push_back(child);
  }
  return {};
}

Result<Bytes> HostedSpaceImpl::give_receipt(const Commit& commit, ByteView encoded, const storage::LeaseId& lease) {
  BEFFROI_TRY(const auto newest, store_.newest_receipt());
  Receipt receipt;
  receipt.space = space();
  storage::ChainEnd<storage::ReceiptId> end;
  if (newest) {
    BEFFROI_TRY(const Receipt last, storage::decode_receipt(newest->second, parts_.sign.public_key));
    end = {last.counter, last.id};
  }
  receipt.counter = end.counter + 1;
  BEFFROI_TRY(receipt.previous, store_.link_after(end));
  receipt.commit = commit.id;
  receipt.peer_time = parts_.clock.now();
  TenantState tenant;
  {
    const std::lock_guard lock(facts_);
    receipt.log_head = log_->head().id;
    tenant = tenant_;
  }
  tenant.last_contact = tenant.last_commit = receipt.peer_time;
  ++tenant.commits;
  tenant.commit_bytes += encoded.size();
  Bytes out = storage::make_receipt(receipt, parts_.sign);
  BEFFROI_CHECK(make_durable());
  WriteBatch batch;
  store_.put_commit(batch, commit, encoded);
  store_.put_receipt(batch, receipt, out);
  BEFFROI_CHECK(leases_.end(batch, lease));
  put_tenant(batch, space(), tenant);
  // Not over a receipt that was found done when the disk had room again: the chain would fork.
  const Durability durability = planted(Fault::acknowledge_before_sync) ? Durability::buffered : Durability::synced;
  BEFFROI_CHECK(parts_.database.write_since(reopenings_, batch, durability));
  {
    const std::lock_guard lock(facts_);
    tenant_ = tenant;
  }
  bell_->ring();
  audit(storage::AuditAction::receipt, device_actor(commit.clear.device),
        "receipt " + std::to_string(receipt.counter) + " for snapshot " + commit.id.hex());
  return out;
}

}  // namespace beffroi::daemon
