// Looks what has changed in a shared folder since the tree that it was last brought to. What has not changed costs one
// lstat; contents are read, cut and stored as a backup does it, small files in bundles.
#pragma once

#include "daemon/share/share_folder.h"
#include "daemon/share/synced_folder.h"

namespace beffroi::daemon {

/// More than this are not told one by one; of those that a rule leaves out, kMaxIgnoredTold.
inline constexpr std::size_t kMaxSkipped = 1000;
inline constexpr std::size_t kMaxIgnoredTold = 100;

/// Entries are as shared_entry.h says; the top itself has none. What is skipped stays in the tree as `applied` has it:
/// what can't be read, what a rule leaves out, links that lead out of the folder, what is neither file, folder nor
/// link, and folders on which another disk is mounted. Names that Windows can't hold, or that only differ in case from
/// another one, are shared, and told in `skipped` all the same (of clashes only a look at everything knows). A file
/// that is being written (kQuiet, kQuietClosed), or changed while it was read, is in `unquiet` and stays as `applied`
/// has it. So does what `local` has not, whatever is in its place; what is new is taken anywhere. A look at everything
/// also removes temporary files that a crash left behind. Blocks, with threads of its own; not beside
/// apply_to_folder(). Contents are in the sink; the caller flushes it. Errors: the folder is missing or not the marked
/// one (also at the end: then nothing is to be made of it), cancelled, those of the store.
Result<FolderScan> scan_folder(const SyncedFolder& folder, Vault& vault, StoreSink& sink,
                               const storage::ObjectOpener& opener, storage::ObjectId applied,
                               const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                               Progress& progress);

}  // namespace beffroi::daemon
