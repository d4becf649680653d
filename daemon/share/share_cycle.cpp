#include "daemon/share/share_cycle.h"

#include "daemon/share/cycle_run.h"
#include "storage/merge/path_parts.h"

namespace beffroi::daemon {

FolderCycle::FolderCycle(Vault& vault, ShareFolder& folder)
    : vault_(vault), folder_(folder), state_(vault.database()), graph_(vault) {}

Result<void> FolderCycle::settle() {
  BEFFROI_TRY(FolderState state, state_.folder());
  if (!state.pending) return {};
  const PendingCommit pending = *state.pending;
  BEFFROI_TRY(const auto id, vault_.store().branch_commit(vault_.device_id(), pending.sequence));
  const auto snapshot = id ? vault_.snapshot(*id) : std::nullopt;
  const bool is_it = snapshot && !snapshot->aside && snapshot->commit.clear.root == pending.root;
  if (is_it && !snapshot->receipt_counter) return {};
  if (is_it)
    state.base = ShareBase{.tree = pending.base, .commits = {*id}, .whole = pending.whole};
  else if (!pending.whole && !state.left)  // else that one is younger, and has all of it
    state.left = LeftTree{.root = pending.root, .base = pending.base};
  state.pending.reset();
  return state_.set_folder(state, storage::Durability::synced);
}

Result<CycleReport> FolderCycle::run(const ScanScope& scope, const CycleSettings& settings,
                                     std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  BEFFROI_CHECK(settle());
  BEFFROI_TRY(const auto head, vault_.store().branch_head(vault_.device_id()));
  if (head) {
    BEFFROI_TRY(const auto receipt, vault_.store().receipt_of(head->commit));
    const auto snapshot = vault_.snapshot(head->commit);
    const bool may_wait = !settings.may_commit && snapshot && snapshot->commit.clear.epoch == vault_.log().epoch();
    if (!receipt && !may_wait)
      return fail(ErrorCode::wrong_state, N_("What was changed in this folder before has not reached the peer yet."));
  }
  auto report = Run(*this, settings, std::move(source), progress).go(scope);
  // What the folder was read as before it failed, or was held back, need not be all that has changed in it.
  if (report) store_anew_ = false;
  trusted_ = report.has_value() && (!report->held || !is_of_folder(report->held->reason));
  return report;
}

Result<void> FolderCycle::release() {
  BEFFROI_TRY(auto held, state_.held());
  if (!held || is_of_folder(held->reason))
    return fail(ErrorCode::wrong_state, N_("Nothing of this folder is held back that could be passed on."));
  held->released = true;
  return state_.set_held(held);
}

Result<std::uint64_t> FolderCycle::undo(const CycleSettings& settings, std::shared_ptr<storage::ObjectSource> source,
                                        Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  trusted_ = false;
  auto written = Run(*this, settings, std::move(source), progress).bring_back();
  if (written) BEFFROI_CHECK(state_.set_held(std::nullopt));
  return written;
}

Result<PartChange> FolderCycle::change_part(Part change, const std::set<std::string>& paths,
                                            const CycleSettings& settings,
                                            std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  const auto lock = vault_.try_begin_backup();
  if (!lock) return fail(ErrorCode::busy, N_("The store of this space is being tidied up. Try again in a moment."));
  Run run(*this, settings, std::move(source), progress);
  // Where it breaks off, which files are there is found by a look at everything.
  const bool trusted = std::exchange(trusted_, false);
  auto done = (run.*change)(paths);
  if (done) trusted_ = trusted;
  return done;
}

Result<PartChange> FolderCycle::fetch(const std::set<std::string>& paths, const CycleSettings& settings,
                                      std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  return change_part(&Run::fetch, paths, settings, std::move(source), progress);
}

Result<PartChange> FolderCycle::free(const std::set<std::string>& paths, const CycleSettings& settings,
                                     std::shared_ptr<storage::ObjectSource> source, Progress& progress) {
  return change_part(&Run::free, paths, settings, std::move(source), progress);
}

bool FolderCycle::can_commit() const {
  if (!vault_.can_write()) return false;
  const storage::SpaceLog log = vault_.log();
  const storage::DeviceState* const me = log.device(vault_.device_id());
  if (me == nullptr || me->removed) return false;
  return me->role == storage::Role::manager || me->role == storage::Role::writer;
}

void FolderCycle::note_skipped(const ScanScope& scope, const FolderScan& scan) {
  const auto looked_at = [&](const std::string& path) {
    return scope.everything ||
           std::ranges::any_of(scope.paths, [&](const std::string& top) { return storage::is_at_or_below(path, top); });
  };
  const std::lock_guard lock(mutex_);
  std::erase_if(skipped_, [&](const auto& each) { return looked_at(each.first); });
  for (const SkippedFile& file : scan.skipped) skipped_.insert_or_assign(file.path, file);
}

void FolderCycle::note_unwritten(const std::vector<SkippedFile>& files) {
  const std::lock_guard lock(mutex_);
  unwritten_.clear();
  for (const SkippedFile& file : files) unwritten_.insert_or_assign(file.path, file);
}

std::vector<SkippedFile> FolderCycle::skipped() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, SkippedFile> all = skipped_;
  all.insert(unwritten_.begin(), unwritten_.end());
  std::vector<SkippedFile> out;
  for (const auto& [path, file] : all) out.push_back(file);
  return out;
}

}  // namespace beffroi::daemon
