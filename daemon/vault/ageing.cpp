#include "daemon/vault/ageing.h"

#include <algorithm>

#include "storage/space/counted_branch.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::ReceiptedCommit;
using storage::RetentionBody;
using storage::RetentionVerdict;

using Branches = std::map<DeviceId, std::vector<ReceiptedCommit>>;

/// Without a peer the commit's own clock takes the place of the receipt's.
Branches branches_by_commits(Vault& vault, const std::vector<Snapshot>& snapshots) {
  std::vector<const Snapshot*> own;
  for (const Snapshot& snapshot : snapshots)
    if (!snapshot.aside && snapshot.commit.clear.device == vault.device_id()) own.push_back(&snapshot);
  std::ranges::sort(own, {}, [](const Snapshot* snapshot) { return snapshot->commit.clear.sequence; });
  Branches out;
  storage::ReceiptTimes times;
  for (const Snapshot* snapshot : own) {
    const auto& clear = snapshot->commit.clear;
    out[clear.device].push_back({.commit = snapshot->commit.id,
                                 .sequence = clear.sequence,
                                 .receipted = times.next(clear.clock),
                                 .log_head = clear.log_head});
  }
  return out;
}

Result<std::map<CommitId, RetentionVerdict>> verdicts_on(Vault& vault, const std::vector<Snapshot>& snapshots,
                                                         const AgeingQuestion& question) {
  Branches branches;
  if (vault.peer()) {
    BEFFROI_TRY(branches, vault.store().held_branches());
  } else {
    branches = branches_by_commits(vault, snapshots);
  }
  const storage::SpaceLog log = vault.log();
  storage::RetentionHistory history = log.retentions();
  if (question.proposed) history.emplace_back(log.records().size(), *question.proposed);
  std::map<CommitId, RetentionVerdict> out;
  for (const auto& [device, held] : branches) {
    const auto branch = storage::counted_branch(log, device, held);
    for (RetentionVerdict& verdict : evaluate_retention(storage::retention_input(log, branch), history, question.as_of))
      out.emplace(verdict.commit, verdict);
  }
  return out;
}

/// Of a deletion, what each of the many commits that it may name is to know.
struct Waiting {
  storage::RecordId deletion;
  storage::UnixTime due;
};

std::map<CommitId, Waiting> waiting_deletions(Vault& vault) {
  std::map<CommitId, Waiting> out;
  for (const Deletion& deletion : vault.deletions()) {
    if (deletion.state != Deletion::State::waiting) continue;
    for (const CommitId& commit : deletion.commits) out.emplace(commit, Waiting{deletion.id, deletion.due});
  }
  return out;
}

bool may_go(const RetentionVerdict& verdict, const Waiting* waiting, storage::UnixTime now) {
  if (verdict.reasons.empty()) return true;
  return waiting != nullptr && now >= waiting->due && now >= verdict.locked_until &&
         !verdict.reasons.has(storage::KeepReason::newest) && !verdict.reasons.has(storage::KeepReason::future);
}

}  // namespace

Result<std::vector<JudgedSnapshot>> judge_snapshots(Vault& vault, const AgeingQuestion& question) {
  BEFFROI_TRY(std::vector<Snapshot> snapshots, vault.snapshots());
  BEFFROI_TRY(const auto verdicts, verdicts_on(vault, snapshots, question));
  const auto deletions = waiting_deletions(vault);
  std::vector<JudgedSnapshot> out;
  for (Snapshot& snapshot : snapshots) {
    const CommitId id = snapshot.commit.id;
    JudgedSnapshot judged{.snapshot = std::move(snapshot), .verdict = {}, .deletion = {}};
    if (const auto verdict = verdicts.find(id); verdict != verdicts.end()) judged.verdict = verdict->second;
    if (const auto deletion = deletions.find(id); deletion != deletions.end())
      judged.deletion = deletion->second.deletion;
    out.push_back(std::move(judged));
  }
  return out;
}

std::optional<RulesInForce> rules_in_force(const storage::SpaceLog& log) {
  if (log.retentions().empty()) return std::nullopt;
  const auto& [position, rules] = log.retentions().back();
  return RulesInForce{rules, log.records()[position].clock};
}

bool is_weaker(const RetentionBody& proposed, const RetentionBody& rules) {
  return proposed.lock_days < rules.lock_days || proposed.within_days < rules.within_days ||
         proposed.hourly < rules.hourly || proposed.daily < rules.daily || proposed.weekly < rules.weekly ||
         proposed.monthly < rules.monthly || proposed.yearly < rules.yearly;
}

Result<std::vector<CommitId>> forgettable(Vault& vault, storage::UnixTime now) {
  std::vector<CommitId> out;
  if (vault.peer()) return out;
  BEFFROI_TRY(const std::vector<Snapshot> snapshots, vault.snapshots());
  const Branches branches = branches_by_commits(vault, snapshots);
  if (branches.empty()) return out;
  const storage::UnixTime as_of = std::min(now, branches.begin()->second.back().receipted);
  BEFFROI_TRY(const auto verdicts, verdicts_on(vault, snapshots, {.as_of = as_of}));
  const auto deletions = waiting_deletions(vault);
  for (const auto& [commit, verdict] : verdicts) {
    const auto deletion = deletions.find(commit);
    if (may_go(verdict, deletion == deletions.end() ? nullptr : &deletion->second, as_of)) out.push_back(commit);
  }
  return out;
}

}  // namespace beffroi::daemon
