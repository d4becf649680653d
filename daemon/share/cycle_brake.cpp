#include "daemon/share/cycle_run.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;
using storage::ObjectId;
using storage::ObjectOpener;
using storage::TreeReader;

// Ends a walk that has found out enough.
std::unexpected<Error> stop_looking() { return fail(ErrorCode::cancelled, "enough"); }

// Of those that are in the folder. Counts no further than `enough`.
Result<std::uint64_t> files_in(const ObjectOpener& opener, const ObjectId& tree, const LocalPaths& local,
                               std::uint64_t enough) {
  std::uint64_t out = 0;
  bool stopped = false;
  const auto counted = TreeReader(opener, tree).for_each("", [&](const Entry& entry) -> Result<void> {
    if (entry.type == EntryType::file && local.has(entry.path)) ++out;
    if (out < enough) return {};
    stopped = true;
    return stop_looking();
  });
  if (!counted && !stopped) return forward_error(counted);
  return out;
}

}  // namespace

Result<void> FolderCycle::Run::hold(storage::BrakeReason reason, const storage::CycleCounts& counts) {
  BEFFROI_TRY(const auto before, cycle_.state_.held());
  HeldBack held{.reason = reason, .counts = counts, .since = vault_.clock().now(), .released = false};
  if (before && before->reason == reason) held.since = before->since;
  if (!before || before->reason != reason || before->counts != counts || before->released)
    BEFFROI_CHECK(cycle_.state_.set_held(held));
  report_.held = held;
  report_.look_again = true;
  return {};
}

Result<bool> FolderCycle::Run::takes_something_away() {
  bool out = false;
  const auto looked =
      storage::diff_trees(opener_, theirs_, merged_.root.object.id,
                          [&](storage::Change change, const Entry*, const Entry*) -> Result<void> {
                            out = change == storage::Change::removed || change == storage::Change::content;
                            return out ? stop_looking() : Result<void>();
                          });
  return looked || out ? Result<bool>(out) : forward_error(looked);
}

Result<bool> FolderCycle::Run::brake() {
  BEFFROI_TRY(const auto before, cycle_.state_.held());
  const bool passes_on = cycle_.can_commit() && differs_;
  if (passes_on && must_wait()) return is_held_meanwhile(before);
  BEFFROI_TRY(const bool takes_away, passes_on ? takes_something_away() : Result<bool>(false));
  if (takes_away) {
    BEFFROI_TRY(const storage::SideChanges changes, storage::changes_since(opener_, theirs_, merged_.root.object.id));
    passed_ = inflicted(changes, vault_.clock().now());
  }
  if (passes_on && !passed_.empty() && !(before && before->released)) {
    BEFFROI_TRY(const storage::CycleCounts counts, counts_of_now());
    const auto reason = storage::judge_cycle(storage::FolderFound::same, counts);
    if (reason) {
      BEFFROI_CHECK(hold(*reason, counts));
      return true;
    }
  }
  released_ = before && before->released;
  if (before) BEFFROI_CHECK(cycle_.state_.set_held(std::nullopt));
  return false;
}

Result<bool> FolderCycle::Run::is_held_meanwhile(const std::optional<HeldBack>& before) {
  if (before && is_of_folder(before->reason)) {
    BEFFROI_CHECK(cycle_.state_.set_held(std::nullopt));
  } else if (before && !before->released) {
    report_.held = before;
    report_.look_again = true;
  }
  return report_.held.has_value();
}

Result<storage::CycleCounts> FolderCycle::Run::counts_of_now() {
  BEFFROI_TRY(const PassedChanges lately, cycle_.state_.passed());
  storage::CycleCounts out = count(with_recent(lately, passed_, vault_.clock().now()));
  BEFFROI_TRY(out.files_after, files_in(opener_, mine_, local_, 1));
  const std::uint64_t touched = out.deleted + out.rewritten;
  const bool matters = out.files_after == 0 || touched >= storage::kBrakeLeastFiles;
  // With so many files it is no large part of them: a big folder isn't gone through at every change.
  const std::uint64_t enough =
      matters ? std::max(storage::kBrakeEmptiedFiles, touched * 100 / storage::kBrakePercent + 1) : 1;
  const ObjectId before = state_.base ? base_ : theirs_;
  BEFFROI_TRY(out.files_before, files_in(opener_, before, local_, enough));
  if (storage::judge_cycle(storage::FolderFound::same, out)) {
    BEFFROI_TRY(out.files_before, files_in(opener_, before, local_, UINT64_MAX));  // the status shows it
  }
  return out;
}

}  // namespace beffroi::daemon
