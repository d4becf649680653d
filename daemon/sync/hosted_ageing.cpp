// What a hosted space lets go, and when: by its rules, or by a deletion that its root signed.
#include <algorithm>

#include "daemon/sync/hosted_space.h"
#include "daemon/sync/messages.h"
#include "storage/space/counted_branch.h"
#include "storage/space/deletion_wait.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::DeletionBody;
using storage::Durability;
using storage::Expiry;
using storage::RecordId;
using storage::RetentionVerdict;
using storage::UnixTime;
using storage::WriteBatch;

constexpr std::int64_t kDaySeconds = 24 * 3600;

bool expires_by_rule(const RetentionVerdict& verdict) { return verdict.reasons.empty(); }

bool may_be_deleted(const RetentionVerdict& verdict, UnixTime now) {
  return now >= verdict.locked_until && !verdict.reasons.has(storage::KeepReason::future);
}

}  // namespace

Result<std::vector<HeldSnapshot>> HostedSpaceImpl::held_snapshots(UnixTime now) {
  const auto log = shared_log();
  BEFFROI_TRY(const auto branches, store_.held_branches());
  std::vector<HeldSnapshot> out;
  for (const auto& [device, held] : branches) {
    const auto branch = storage::counted_branch(*log, device, held);
    const auto verdicts = evaluate_retention(storage::retention_input(*log, branch), log->retentions(), now);
    for (std::size_t i = 0; i < branch.size(); ++i) out.push_back({device, branch[i], verdicts[i]});
  }
  return out;
}

Result<std::vector<WaitingDeletion>> HostedSpaceImpl::deletions() {
  const auto log = shared_log();
  BEFFROI_TRY(const auto known, load_deletions(parts_.database, space()));
  const std::int64_t wait_s = storage::deletion_wait_days(*log) * kDaySeconds;
  std::vector<WaitingDeletion> out;
  for (const storage::Record& record : log->records()) {
    const auto* body = std::get_if<DeletionBody>(&record.body);
    if (body == nullptr) continue;
    WaitingDeletion deletion{.record = record.id, .commits = body->commits, .received = {}, .due = {}};
    const auto state = known.find(record.id);
    // A record that came with an enrolment has not been noted yet: its wait begins now.
    deletion.received = state == known.end() ? parts_.clock.now() : state->second.received;
    deletion.due.seconds = deletion.received.seconds + wait_s;
    deletion.cancelled = log->cancelled(record.id) || (state != known.end() && state->second.cancelled);
    out.push_back(std::move(deletion));
  }
  return out;
}

// Before the record itself: a record without a note would wait anew.
Result<void> HostedSpaceImpl::note_deletion(const RecordId& record) {
  WriteBatch batch;
  put_deletion(batch, space(), record, {.received = parts_.clock.now(), .cancelled = std::nullopt});
  return parts_.database.write(batch, Durability::buffered);
}

Result<void> HostedSpaceImpl::note_all_deletions() {
  BEFFROI_TRY(const auto known, load_deletions(parts_.database, space()));
  for (const storage::Record& record : shared_log()->records())
    if (std::holds_alternative<DeletionBody>(record.body) && !known.contains(record.id))
      BEFFROI_CHECK(note_deletion(record.id));
  return {};
}

Result<void> HostedSpaceImpl::cancel_deletion(const RecordId& record, const std::string& by) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(note_all_deletions());
  BEFFROI_TRY(const auto known, load_deletions(parts_.database, space()));
  const auto found = known.find(record);
  if (found == known.end()) return fail(ErrorCode::not_found, N_("There is no deletion {} here."), record.hex());
  if (found->second.cancelled) return {};
  WriteBatch batch;
  put_deletion(batch, space(), record, {.received = found->second.received, .cancelled = parts_.clock.now()});
  BEFFROI_CHECK(parts_.database.write(batch, Durability::synced));
  audit(storage::AuditAction::deletion_cancelled, by, "record " + record.hex());
  return {};
}

Result<std::map<CommitId, RecordId>> HostedSpaceImpl::due_deletions(UnixTime now) {
  BEFFROI_TRY(const auto all, deletions());
  std::map<CommitId, RecordId> out;
  for (const WaitingDeletion& deletion : all)
    if (!deletion.cancelled && now >= deletion.due)
      for (const CommitId& commit : deletion.commits) out.emplace(commit, deletion.record);
  return out;
}

Result<std::vector<Expiry::Gone>> HostedSpaceImpl::what_may_go(UnixTime now) {
  std::vector<Expiry::Gone> out;
  BEFFROI_TRY(const bool waits, waits_after_loss());
  if (waits) return out;
  BEFFROI_TRY(const auto held, held_snapshots(now));
  BEFFROI_TRY(const auto deletions, due_deletions(now));
  for (const HeldSnapshot& snapshot : held) {
    const CommitId& commit = snapshot.commit.commit;
    const auto deletion = deletions.find(commit);
    if (expires_by_rule(snapshot.verdict))
      out.push_back({commit, std::nullopt});
    else if (deletion != deletions.end() && may_be_deleted(snapshot.verdict, now))
      out.push_back({commit, deletion->second});
  }
  return out;
}

// Each expiry from what is left: whoever recomputes them has seen those before go.
Result<std::uint64_t> HostedSpaceImpl::expire(UnixTime now) {
  BEFFROI_TRY(const auto writing, begin_change());
  BEFFROI_CHECK(note_all_deletions());
  BEFFROI_TRY(auto gone, what_may_go(now));
  if (gone.empty()) return 0;
  gone.resize(std::min(gone.size(), storage::kMaxExpiredCommits));
  std::ranges::sort(gone, {}, &Expiry::Gone::commit);
  BEFFROI_CHECK(sign_expiry(gone, now));
  const auto by_deletion = static_cast<std::size_t>(
      std::ranges::count_if(gone, [](const Expiry::Gone& one) { return one.deletion.has_value(); }));
  note_gone(gone.size() - by_deletion, by_deletion);
  return gone.size();
}

void HostedSpaceImpl::note_gone(std::size_t by_rule, std::size_t by_deletion) const {
  const auto note = [this](storage::AuditAction action, std::size_t count) {
    if (count > 0) audit(action, kPeerActor, "snapshots: " + std::to_string(count));
  };
  note(storage::AuditAction::expire, by_rule);
  note(storage::AuditAction::deletion_done, by_deletion);
}

Result<void> HostedSpaceImpl::sign_expiry(std::span<const Expiry::Gone> gone, UnixTime now) {
  BEFFROI_TRY(const auto newest, store_.newest_expiry());
  Expiry expiry;
  expiry.space = space();
  UnixTime earliest = now;
  storage::ChainEnd<storage::ExpiryId> end;
  if (newest) {
    BEFFROI_TRY(const Expiry last, storage::decode_expiry(newest->second, parts_.sign.public_key));
    end = {last.counter, last.id};
    earliest = last.as_of;
  }
  expiry.counter = end.counter + 1;
  BEFFROI_TRY(expiry.previous, store_.link_after(end));
  expiry.as_of = std::max(now, earliest);
  expiry.log_head = shared_log()->head().id;
  expiry.gone.assign(gone.begin(), gone.end());
  const Bytes encoded = storage::make_expiry(expiry, parts_.sign);
  WriteBatch batch;
  store_.put_expiry(batch, expiry, encoded);
  return parts_.database.write_since(reopenings_, batch, Durability::synced);
}

Result<std::vector<Bytes>> HostedSpaceImpl::expiries_from(std::uint64_t counter) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  for (std::uint64_t next = std::max<std::uint64_t>(counter, 1);; ++next) {
    BEFFROI_TRY(auto encoded, store_.expiry(next));
    if (!encoded || !take_into_list(out, bytes, std::move(*encoded))) return out;
  }
}

Result<std::uint64_t> HostedSpaceImpl::newest_expiry() {
  BEFFROI_TRY(const auto newest, store_.newest_expiry());
  return newest ? newest->first : 0;
}

}  // namespace beffroi::daemon
