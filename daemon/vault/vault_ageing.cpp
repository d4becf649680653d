// What went from this station's lists, and what that means for what is stored here.
#include <algorithm>

#include "daemon/vault/vault_state.h"
#include "storage/space/deletion_wait.h"

namespace beffroi::daemon {
namespace {

using storage::Commit;
using storage::CommitId;
using storage::Durability;
using storage::Table;
using storage::WriteBatch;

// In the table `state`, before a commit's id: it was forgotten.
constexpr std::string_view kForgottenPrefix = "vault/forgotten/";
// In the table `state`: absent when nothing went since the last collection that was all there was to do.
constexpr std::string_view kCollection = "vault/collection";
constexpr std::uint8_t kDue = 1;
constexpr std::uint8_t kUnsure = 2;      ///< collected, while snapshots had no receipt
constexpr std::uint8_t kCollecting = 3;  ///< due, and nothing went since the collection began that is to do it

constexpr std::int64_t kDaySeconds = 24 * 3600;

Bytes forgotten_key(const CommitId& id) {
  Bytes out = to_bytes(as_bytes(kForgottenPrefix));
  out.insert(out.end(), id.data.begin(), id.data.end());
  return out;
}

Result<std::uint8_t> collection_state(const storage::Database& database) {
  BEFFROI_TRY(const auto stored, database.get(Table::state, as_bytes(kCollection)));
  return stored && stored->size() == 1 ? stored->front() : std::uint8_t{0};
}

}  // namespace

void put_collection_due(WriteBatch& batch) { batch.put(Table::state, as_bytes(kCollection), Bytes{kDue}); }

void put_forgotten(WriteBatch& batch, const CommitId& commit) {
  batch.put(Table::state, forgotten_key(commit), Bytes{});
}

Result<std::vector<CommitId>> Vault::State::ids_forgotten() const { return noted_commits(kForgottenPrefix); }

Result<std::set<CommitId>> Vault::State::ids_gone() const {
  std::set<CommitId> out;
  BEFFROI_CHECK(store->for_each_expired([&](const CommitId& id, std::uint64_t) {
    out.insert(id);
    return true;
  }));
  BEFFROI_TRY(const auto forgotten, ids_forgotten());
  out.insert(forgotten.begin(), forgotten.end());
  return out;
}

Result<std::vector<Commit>> Vault::State::forgotten_pending() const {
  std::vector<Commit> out;
  BEFFROI_TRY(const auto forgotten, ids_forgotten());
  for (const CommitId& id : forgotten) {
    BEFFROI_TRY(const auto encoded, store->commit(id));
    if (!encoded) continue;
    BEFFROI_TRY(Commit commit, storage::decode_commit(*encoded));
    BEFFROI_TRY(const auto linked, store->branch_commit(commit.clear.device, commit.clear.sequence));
    BEFFROI_TRY(const auto receipt, store->receipt_of(id));
    if (linked == id && !receipt && commit.clear.device == device->public_part().id()) out.push_back(std::move(commit));
  }
  return out;
}

Result<std::vector<CommitId>> Vault::forgotten() const { return state_->ids_forgotten(); }

Result<void> Vault::forget(std::span<const CommitId> commits) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  if (peer()) return fail(ErrorCode::wrong_state, N_("What this vault keeps is decided by its peer, under its rules."));
  WriteBatch batch;
  for (const CommitId& commit : commits) {
    const std::lock_guard lock(state_->facts);
    if (!state_->snapshots.contains(commit))
      return fail(ErrorCode::not_found, N_("There is no snapshot {}. 'beffroi snapshots' lists them."), commit.hex());
    put_forgotten(batch, commit);
  }
  if (commits.empty()) return {};
  put_collection_due(batch);
  BEFFROI_CHECK(state_->store->write(batch, Durability::synced));
  const std::lock_guard lock(state_->facts);
  for (const CommitId& commit : commits) state_->snapshots.erase(commit);
  return {};
}

// What can't be read counts as due: that only costs a collection.
bool Vault::collection_due() const {
  const auto state = collection_state(*state_->database);
  return !state || *state == kDue || *state == kCollecting;
}

bool Vault::marks_are_unsure() const {
  const auto state = collection_state(*state_->database);
  return !state || *state != 0;
}

// A power cut may take the note back: then one is due, as before.
Result<void> Vault::note_collecting() {
  const std::lock_guard writing(state_->writing);
  BEFFROI_TRY(const std::uint8_t state, collection_state(*state_->database));
  if (state == 0) return {};
  return state_->database->put(Table::state, as_bytes(kCollection), Bytes{kCollecting}, Durability::buffered);
}

Result<void> Vault::note_collected() {
  const std::lock_guard writing(state_->writing);
  BEFFROI_TRY(const std::uint8_t state, collection_state(*state_->database));
  if (state != kCollecting) return {};
  return state_->database->put(Table::state, as_bytes(kCollection), Bytes{kUnsure}, Durability::synced);
}

Result<bool> Vault::State::may_evict() {
  BEFFROI_TRY(const std::uint8_t state, collection_state(*database));
  if (state == 0) return true;
  if (state != kUnsure) return false;
  {
    const std::lock_guard lock(facts);
    if (std::ranges::any_of(snapshots, [](const auto& known) { return !known.second.receipt_counter; })) return false;
  }
  WriteBatch batch;
  batch.remove(Table::state, as_bytes(kCollection));
  BEFFROI_CHECK(database->write(batch, Durability::buffered));
  return true;
}

Result<bool> Vault::may_evict() {
  const std::lock_guard writing(state_->writing);
  return state_->may_evict();
}

Result<std::uint64_t> Vault::evict_receipted(std::uint64_t bytes) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_TRY(const bool may, state_->may_evict());
  if (!may) return 0;
  return storage::evict_receipted(*state_->database, *state_->objects, space(), bytes);
}

std::vector<Deletion> Vault::deletions() const {
  std::vector<Deletion> out;
  const std::lock_guard lock(state_->facts);
  if (!state_->log) return out;
  const std::int64_t wait = storage::deletion_wait_days(*state_->log) * kDaySeconds;
  for (const storage::Record& record : state_->log->records()) {
    const auto* body = std::get_if<storage::DeletionBody>(&record.body);
    if (body == nullptr) continue;
    Deletion one{.id = record.id, .commits = body->commits, .signed_at = record.clock, .due = record.clock};
    // (Clocks of others may say anything.)
    if (one.due.seconds < INT64_MAX - wait) one.due.seconds += wait;
    const bool listed =
        std::ranges::any_of(one.commits, [&](const CommitId& id) { return state_->snapshots.contains(id); });
    if (state_->log->cancelled(record.id))
      one.state = Deletion::State::cancelled;
    else if (!listed)
      one.state = Deletion::State::done;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace beffroi::daemon
