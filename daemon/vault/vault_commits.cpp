// Commits: this device's branch, those of others, and snapshots as people name them.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "crypto/assert.h"
#include "daemon/vault/vault_state.h"

namespace beffroi::daemon {
namespace {

using storage::Commit;
using storage::CommitId;

constexpr std::size_t kMinPrefixDigits = 4;
// In the table `state`, before a commit's id: it was set aside.
constexpr std::string_view kAsidePrefix = "vault/aside/";

Bytes aside_key(const CommitId& id) {
  Bytes out = to_bytes(as_bytes(kAsidePrefix));
  out.insert(out.end(), id.data.begin(), id.data.end());
  return out;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

bool is_partial(const Commit& commit) { return (commit.clear.flags & storage::kCommitPartial) != 0; }

bool is_parent(const CommitId& parent, const Commit& child) {
  return std::binary_search(child.clear.parents.begin(), child.clear.parents.end(), parent);
}

/// Oldest first; clocks may lie, so a branch's own order breaks ties.
bool is_older(const Snapshot& a, const Snapshot& b) {
  return std::tuple(a.commit.clear.clock, a.commit.clear.sequence, a.commit.id) <
         std::tuple(b.commit.clear.clock, b.commit.clear.sequence, b.commit.id);
}

/// The recovery record for this device, the newest one: its heads are what the new branch continues.
std::vector<CommitId> recovered_heads(const storage::SpaceLog& log, const DeviceId& device) {
  const storage::RecoveryBody* recovery = storage::last_recovery(log, device);
  std::vector<CommitId> heads = recovery == nullptr ? std::vector<CommitId>() : recovery->heads;
  if (heads.size() > storage::kMaxParents) heads.resize(storage::kMaxParents);
  return heads;
}

std::unexpected<Error> no_such_snapshot(const std::string& name) {
  return fail(ErrorCode::not_found, N_("There is no snapshot {}. 'beffroi snapshots' lists them."), name);
}

/// A commit of a branch must be linked with its neighbours there, as far as they are known.
Result<void> check_neighbours(const storage::SpaceStore& store, const Commit& commit) {
  const auto& clear = commit.clear;
  BEFFROI_TRY(const auto same, store.branch_commit(clear.device, clear.sequence));
  if (same && *same != commit.id)
    return fail(ErrorCode::corrupt, N_("Device {} signed two different snapshots with number {}."), clear.device.hex(),
                std::to_string(clear.sequence));
  if (clear.sequence > 1) {
    BEFFROI_TRY(const auto before, store.branch_commit(clear.device, clear.sequence - 1));
    if (before && !is_parent(*before, commit))
      return fail(ErrorCode::corrupt, N_("Snapshot {} does not continue its branch."), commit.id.hex());
  }
  BEFFROI_TRY(const auto after, store.branch_commit(clear.device, clear.sequence + 1));
  if (!after) return {};
  BEFFROI_TRY(const auto bytes, store.commit(*after));
  if (!bytes) return {};
  BEFFROI_TRY(const Commit follower, storage::decode_commit(*bytes));
  if (!is_parent(commit.id, follower))
    return fail(ErrorCode::corrupt, N_("Snapshot {} does not continue its branch."), follower.id.hex());
  return {};
}

Result<storage::CommitSealed> open_sealed(const storage::KeyRing& keys, const Commit& commit) {
  const auto epoch_keys = keys.epoch(commit.clear.epoch);
  if (!epoch_keys)
    return fail(ErrorCode::refused, N_("This station has no key of epoch {}."),
                std::to_string(commit.clear.epoch.value));
  return storage::open_commit(commit, *epoch_keys);
}

}  // namespace

Result<Snapshot> Vault::State::open_snapshot(Commit commit) const {
  BEFFROI_TRY(auto sealed, open_sealed(*keys, commit));
  return with_receipt(std::move(commit), std::move(sealed));
}

Result<std::optional<Snapshot>> Vault::State::open_if_sound(Commit commit) const {
  auto sealed = open_sealed(*keys, commit);
  if (!sealed) {
    spdlog::warn("snapshot {} of device {} does not open and counts for nothing: {}", commit.id.hex().substr(0, 12),
                 commit.clear.device.hex().substr(0, 12), sealed.error().message());
    return std::nullopt;
  }
  BEFFROI_TRY(auto snapshot, with_receipt(std::move(commit), std::move(*sealed)));
  return std::optional(std::move(snapshot));
}

Result<Snapshot> Vault::State::with_receipt(Commit commit, storage::CommitSealed sealed) const {
  Snapshot out;
  out.sealed = std::move(sealed);
  BEFFROI_TRY(const auto receipt, store->receipt_of(commit.id));
  if (receipt && peer) {
    BEFFROI_TRY(const auto decoded, storage::decode_receipt(*receipt, peer->peer.sign));
    out.receipt_time = decoded.peer_time;
    out.receipt_counter = decoded.counter;
  }
  out.commit = std::move(commit);
  return out;
}

Result<void> Vault::State::load_snapshots() {
  snapshots.clear();
  BEFFROI_TRY(const std::set<CommitId> gone, ids_gone());
  Result<void> outcome;
  BEFFROI_CHECK(store->for_each_commit([&](const CommitId& id, const Bytes& encoded) {
    if (!gone.contains(id)) outcome = load_snapshot(encoded, false);
    return outcome.has_value();
  }));
  if (!outcome) return outcome;
  BEFFROI_TRY(const auto aside, ids_aside());
  for (const CommitId& id : aside) {
    BEFFROI_TRY(const auto encoded, store->commit(id));
    if (encoded) BEFFROI_CHECK(load_snapshot(*encoded, true));
  }
  return {};
}

Result<void> Vault::State::load_snapshot(ByteView encoded, bool aside) {
  BEFFROI_TRY(Commit commit, storage::decode_commit(encoded));
  // A removed device's later commits stay in the table as evidence, but count for nothing.
  if (!log->accepts(commit)) return {};
  BEFFROI_TRY(auto snapshot, open_if_sound(std::move(commit)));
  if (!snapshot) return {};
  snapshot->aside = aside;
  snapshots.insert_or_assign(snapshot->commit.id, std::move(*snapshot));
  return {};
}

Result<std::vector<CommitId>> Vault::State::noted_commits(std::string_view prefix) const {
  std::vector<CommitId> out;
  BEFFROI_CHECK(database->scan(storage::Table::state, as_bytes(prefix), [&](ByteView key, ByteView) {
    if (const auto id = CommitId::from(key.subspan(prefix.size()))) out.push_back(*id);
    return true;
  }));
  return out;
}

void put_aside(storage::WriteBatch& batch, const CommitId& commit) {
  batch.put(storage::Table::state, aside_key(commit), Bytes{});
}

Result<std::vector<CommitId>> Vault::State::ids_aside() const { return noted_commits(kAsidePrefix); }

Result<std::vector<CommitId>> Vault::State::branch_parents() const {
  const DeviceId me = device->public_part().id();
  BEFFROI_TRY(const auto head, store->branch_head(me));
  if (head) return std::vector{head->commit};
  return recovered_heads(*log, me);
}

Result<std::vector<CommitId>> Vault::State::commit_parents(std::span<const CommitId> extra) const {
  BEFFROI_TRY(const auto own, branch_parents());
  std::set<CommitId> all(own.begin(), own.end());
  const std::lock_guard lock(facts);
  for (const CommitId& id : extra) {
    const auto found = snapshots.find(id);
    if (found == snapshots.end() || found->second.aside) return no_such_snapshot(id.hex());
    all.insert(id);
  }
  if (all.size() > storage::kMaxParents)
    return fail(ErrorCode::limit_exceeded, N_("A snapshot can't continue more than {} others."),
                std::to_string(storage::kMaxParents));
  return std::vector(all.begin(), all.end());
}

Result<Commit> Vault::commit(const storage::TreeRoot& root, storage::CommitSealed sealed, std::uint32_t flags,
                             std::span<const CommitId> extra_parents) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const storage::SpaceLog current = log();
  const auto ring = keys();
  BEFFROI_CHECK(can_write());
  storage::CommitClear clear;
  clear.space = current.space();
  clear.device = device_id();
  BEFFROI_TRY(const auto head, state_->store->branch_head(clear.device));
  clear.sequence = head ? head->sequence + 1 : 1;
  BEFFROI_TRY(clear.parents, state_->commit_parents(extra_parents));
  clear.root = root.object.id;
  clear.epoch = current.epoch();
  clear.log_head = current.head().id;
  if (const auto receipt = newest_receipt()) clear.last_receipt = receipt->id;
  clear.clock = state_->clock.now();
  clear.flags = flags;
  sealed.label = name();
  if (sealed.host.empty()) sealed.host = host_name();
  sealed.content_generation = ring->content_keys().generation;
  sealed.tree_digest = root.digest;
  sealed.root_height = root.object.height;
  sealed.entries = root.entries;
  const Bytes encoded = storage::make_commit(clear, sealed, *ring->current(), device_keys().sign);
  BEFFROI_TRY(Commit made, storage::decode_commit(encoded));
  // Objects first: a commit that is there after a power cut has its whole tree.
  BEFFROI_CHECK(state_->objects->sync());
  storage::WriteBatch batch;
  state_->store->put_commit(batch, made, encoded);
  BEFFROI_CHECK(state_->database->write_since(state_->reopenings, batch, storage::Durability::synced));
  const std::lock_guard lock(state_->facts);
  BEFFROI_TRY(auto snapshot, state_->open_snapshot(made));
  state_->snapshots.insert_or_assign(made.id, std::move(snapshot));
  return made;
}

Result<void> Vault::adopt_commit(ByteView encoded) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  BEFFROI_TRY(Commit commit, storage::decode_commit(encoded));
  BEFFROI_CHECK(log().accepts(commit));
  BEFFROI_CHECK(check_neighbours(*state_->store, commit));
  Result<std::optional<Snapshot>> snapshot = [&] {
    const std::lock_guard lock(state_->facts);
    return state_->open_if_sound(commit);
  }();
  if (!snapshot) return forward_error(snapshot);
  storage::WriteBatch batch;
  state_->store->put_commit(batch, commit, encoded);
  batch.remove(storage::Table::state, aside_key(commit.id));
  // Buffered: what a power cut takes is fetched once more, and a branch of thousands costs no sync for each.
  BEFFROI_CHECK(state_->store->write(batch, storage::Durability::buffered));
  BEFFROI_TRY(const auto expired, state_->store->expired(commit.id));
  const std::lock_guard lock(state_->facts);
  if (*snapshot && !expired) state_->snapshots.insert_or_assign(commit.id, std::move(**snapshot));
  return {};
}

Result<std::vector<Snapshot>> Vault::snapshots() const {
  std::vector<Snapshot> out;
  {
    const std::lock_guard lock(state_->facts);
    for (const auto& [id, snapshot] : state_->snapshots) out.push_back(snapshot);
  }
  std::sort(out.begin(), out.end(), is_older);
  return out;
}

std::optional<Snapshot> Vault::snapshot(const CommitId& id) const {
  const std::lock_guard lock(state_->facts);
  const auto found = state_->snapshots.find(id);
  return found == state_->snapshots.end() ? std::nullopt : std::optional(found->second);
}

Result<std::optional<Snapshot>> Vault::latest() const {
  const std::lock_guard lock(state_->facts);
  if (!state_->log) return std::nullopt;
  BEFFROI_TRY(const auto parents, state_->branch_parents());
  std::optional<Snapshot> newest;
  for (const CommitId& id : parents) {
    const auto found = state_->snapshots.find(id);
    if (found != state_->snapshots.end() && (!newest || is_older(*newest, found->second))) newest = found->second;
  }
  return newest;
}

Result<std::optional<Snapshot>> Vault::latest_complete() const {
  BEFFROI_TRY(auto newest, latest());
  const std::lock_guard lock(state_->facts);
  std::vector<CommitId> waiting;
  if (newest && is_partial(newest->commit)) waiting = newest->commit.clear.parents;
  // Partial commits stand in a row before the complete one: few steps lead past them.
  while (!waiting.empty()) {
    const auto found = state_->snapshots.find(waiting.back());
    waiting.pop_back();
    if (found == state_->snapshots.end()) continue;
    if (!is_partial(found->second.commit)) return found->second;
    const auto& parents = found->second.commit.clear.parents;
    waiting.insert(waiting.end(), parents.begin(), parents.end());
  }
  return newest;
}

Result<Snapshot> Vault::resolve(const std::string& name) const {
  if (name == "latest") {
    BEFFROI_TRY(auto newest, latest_complete());
    if (!newest) return fail(ErrorCode::not_found, N_("There is no snapshot yet. 'beffroi backup' makes one."));
    return std::move(*newest);
  }
  std::string prefix = name;
  std::transform(prefix.begin(), prefix.end(), prefix.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (prefix.size() < kMinPrefixDigits || prefix.find_first_not_of("0123456789abcdef") != std::string::npos)
    return no_such_snapshot(name);
  const std::lock_guard lock(state_->facts);
  const Snapshot* match = nullptr;
  for (const auto& [id, snapshot] : state_->snapshots) {
    if (!id.hex().starts_with(prefix)) continue;
    if (match != nullptr) return fail(ErrorCode::usage, N_("Several snapshots begin with {}. Give more digits."), name);
    match = &snapshot;
  }
  if (match == nullptr) return no_such_snapshot(name);
  return *match;
}

Result<std::vector<Commit>> Vault::unreceipted() const {
  std::vector<Commit> out;
  if (!founded()) return out;
  const DeviceId me = device_id();
  const std::lock_guard lock(state_->facts);
  for (const auto& [id, snapshot] : state_->snapshots)
    if (snapshot.commit.clear.device == me && !snapshot.receipt_counter && !snapshot.aside)
      out.push_back(snapshot.commit);
  std::sort(out.begin(), out.end(),
            [](const Commit& a, const Commit& b) { return a.clear.sequence < b.clear.sequence; });
  return out;
}

std::vector<Commit> Vault::State::pending_commits() {
  const std::lock_guard lock(facts);
  if (!log) return {};
  const DeviceId me = device->public_part().id();
  std::map<std::uint64_t, Commit> own;
  std::uint64_t receipted = 0;
  for (const auto& [id, snapshot] : snapshots) {
    if (snapshot.commit.clear.device != me || snapshot.aside) continue;
    own.emplace(snapshot.commit.clear.sequence, snapshot.commit);
    if (snapshot.receipt_counter) receipted = std::max(receipted, snapshot.commit.clear.sequence);
  }
  std::vector<Commit> out;
  for (auto next = own.upper_bound(receipted); next != own.end(); ++next) out.push_back(std::move(next->second));
  return out;
}

Result<std::size_t> Vault::State::set_aside(const std::vector<Commit>& commits) {
  if (commits.empty()) return 0;
  storage::WriteBatch batch;
  // A branch with gaps can't be sent, nor be gone on from.
  BEFFROI_TRY(const auto gaps, forgotten_pending());
  for (const Commit& commit : gaps) store->unlink_commit(batch, commit);
  for (const Commit& commit : commits) {
    store->unlink_commit(batch, commit);
    put_aside(batch, commit.id);
  }
  BEFFROI_CHECK(store->write(batch, storage::Durability::synced));
  const std::lock_guard lock(facts);
  for (const Commit& commit : commits) snapshots.at(commit.id).aside = true;
  return commits.size();
}

Result<std::size_t> Vault::set_aside_pending() {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  return state_->set_aside(state_->pending_commits());
}

Result<std::size_t> Vault::set_aside_unpushable() {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  const auto pending = state_->pending_commits();
  if (pending.empty()) return 0;
  const storage::Epoch epoch = log().epoch();
  const bool fit =
      std::all_of(pending.begin(), pending.end(), [&](const Commit& commit) { return commit.clear.epoch == epoch; });
  BEFFROI_TRY(const auto gaps, state_->forgotten_pending());
  if (fit && gaps.empty()) return 0;
  return state_->set_aside(pending);
}

}  // namespace beffroi::daemon
