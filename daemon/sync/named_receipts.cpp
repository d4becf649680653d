// What the devices of a vault tell each other, through their commits, of the receipts that the peer gave them.
#include <map>

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::BranchHead;
using storage::ReceiptId;

/// Receipts that commits name, each with the first of these: device, and number in its branch.
using Named = std::map<ReceiptId, std::pair<DeviceId, std::uint64_t>>;

// In the table `state`, before a device's id: the number of its last commit whose named receipt was found, u64.
constexpr std::string_view kCheckedPrefix = "vault/named/";

Bytes checked_key(const DeviceId& device) {
  Bytes out = to_bytes(as_bytes(kCheckedPrefix));
  out.insert(out.end(), device.data.begin(), device.data.end());
  return out;
}

Result<std::uint64_t> checked_up_to(Vault& vault, const DeviceId& device) {
  BEFFROI_TRY(const auto value, vault.database().get(storage::Table::state, checked_key(device)));
  return value && value->size() == 8 ? get_le64(value->data()) : 0;
}

// Receipts of another peer, from before a move, are in no chain here.
bool was_kept_elsewhere(const storage::SpaceLog& log, const storage::PeerPublic& peer) {
  return std::ranges::any_of(log.records(), [&](const storage::Record& record) {
    const auto* home = std::get_if<storage::HomeBody>(&record.body);
    return home != nullptr && home->peer != peer;
  });
}

// Adds what the commits of a branch name beyond `from`.
Result<void> collect(Vault& vault, const BranchHead& head, std::uint64_t from, Named& named) {
  for (std::uint64_t sequence = from + 1; sequence <= head.sequence; ++sequence) {
    BEFFROI_TRY(const auto id, vault.store().branch_commit(head.device, sequence));
    if (!id) continue;
    BEFFROI_TRY(const auto encoded, vault.store().commit(*id));
    if (!encoded) continue;
    BEFFROI_TRY(const storage::Commit commit, storage::decode_commit(*encoded));
    if (commit.clear.last_receipt) named.emplace(*commit.clear.last_receipt, std::pair(head.device, sequence));
  }
  return {};
}

// Takes from `named` what is in the chain; false: the chain is not whole here, and nothing can be said.
Result<bool> find_in_chain(Vault& vault, const storage::PeerPublic& peer, Named& named) {
  const auto newest = vault.newest_receipt();
  for (std::uint64_t counter = newest ? newest->counter : 0; counter > 0 && !named.empty(); --counter) {
    BEFFROI_TRY(const auto encoded, vault.store().receipt(counter));
    if (!encoded) return false;
    BEFFROI_TRY(const storage::Receipt receipt, storage::decode_receipt(*encoded, peer.sign));
    named.erase(receipt.id);
  }
  return true;
}

/// Takes from `named` what the peer may have declared lost.
Result<void> excuse_lost(Vault& vault, Named& named) {
  for (auto next = named.begin(); next != named.end();) {
    const auto& [device, sequence] = next->second;
    BEFFROI_TRY(const bool excused, vault.store().may_name_lost_receipt(device, sequence));
    next = excused ? named.erase(next) : std::next(next);
  }
  return {};
}

}  // namespace

Result<void> check_named_receipts(Vault& vault, std::span<const BranchHead> heads) {
  const auto binding = vault.peer();
  if (!binding || was_kept_elsewhere(vault.log(), binding->peer)) return {};
  Named named;
  storage::WriteBatch marks;
  bool any = false;
  for (const BranchHead& head : heads) {
    if (head.device == vault.device_id()) continue;
    BEFFROI_TRY(const std::uint64_t from, checked_up_to(vault, head.device));
    if (from >= head.sequence) continue;
    BEFFROI_CHECK(collect(vault, head, from, named));
    Bytes mark(8);
    put_le64(mark.data(), head.sequence);
    marks.put(storage::Table::state, checked_key(head.device), mark);
    any = true;
  }
  BEFFROI_TRY(const bool whole, find_in_chain(vault, binding->peer, named));
  if (!any || !whole) return {};
  BEFFROI_CHECK(excuse_lost(vault, named));
  if (named.empty()) return vault.database().write(marks, storage::Durability::buffered);
  return fail(ErrorCode::corrupt,
              N_("The peer signed two different histories: a snapshot names the receipt {}, which the peer does not "
                 "show. Do not trust it until its operator has explained this."),
              named.begin()->first.hex());
}

}  // namespace beffroi::daemon
