// What an audit found missing at the peer.
#include "daemon/vault/vault_state.h"

namespace beffroi::daemon {
namespace {

using storage::Durability;
using storage::ObjectId;
using storage::Table;
using storage::WriteBatch;

// In the table `state`, before an object's id: the peer did not give it back.
constexpr std::string_view kLostPrefix = "vault/lost_by_peer/";

Bytes lost_key(const ObjectId& id) {
  Bytes out = to_bytes(as_bytes(kLostPrefix));
  out.insert(out.end(), id.data.begin(), id.data.end());
  return out;
}

}  // namespace

Result<std::vector<ObjectId>> Vault::lost_by_peer() const {
  std::vector<ObjectId> out;
  BEFFROI_CHECK(state_->database->scan(Table::state, as_bytes(kLostPrefix), [&](ByteView key, ByteView) {
    if (const auto id = ObjectId::from(key.subspan(kLostPrefix.size()))) out.push_back(*id);
    return out.size() < kMaxNotedLosses;
  }));
  return out;
}

Result<void> Vault::note_lost_by_peer(std::span<const ObjectId> ids) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_TRY(const auto known, lost_by_peer());
  WriteBatch batch;
  if (known.size() + ids.size() <= kMaxNotedLosses)
    for (const ObjectId& id : ids) batch.put(Table::state, lost_key(id), Bytes{});
  BEFFROI_CHECK(state_->objects->mark_unreceipted(space(), ids));
  return state_->database->write(batch, Durability::synced);
}

Result<void> Vault::note_given_back(std::span<const ObjectId> ids) {
  if (ids.empty()) return {};
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->objects->mark_receipted(space(), ids));
  WriteBatch batch;
  for (const ObjectId& id : ids) batch.remove(Table::state, lost_key(id));
  return state_->database->write(batch, Durability::synced);
}

}  // namespace beffroi::daemon
