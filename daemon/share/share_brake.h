// What a cycle would do to others' files, and whether that is held back (storage/merge/brake.h). Counted is what the
// others would lose: the step from their tree to the merged one, so what somebody else deleted never counts here, nor
// what a crash left half written. With it counts what was passed on within the last hour, each file once: a program
// that works slowly does not stay below the bounds, and a file that is saved every minute is one file.
#pragma once

#include "daemon/share/share_state.h"
#include "storage/merge/side_changes.h"

namespace beffroi::daemon {

inline constexpr std::int64_t kBrakeMemoryS = 3600;

/// The files of others that `changes` (from their tree to the merged one) delete or rewrite; renames do not count.
PassedChanges inflicted(const storage::SideChanges& changes, storage::UnixTime now);
/// Drops what is older than kBrakeMemoryS, or of a clock that was set back, and adds `more`.
PassedChanges with_recent(PassedChanges passed, const PassedChanges& more, storage::UnixTime now);
/// Only `deleted` and `rewritten`.
storage::CycleCounts count(const PassedChanges& changes);

}  // namespace beffroi::daemon
