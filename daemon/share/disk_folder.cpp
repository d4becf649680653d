#include "daemon/share/disk_folder.h"

#include <unistd.h>

#include "daemon/share/file_placing.h"
#include "daemon/share/folder_apply.h"
#include "daemon/share/folder_scan.h"

namespace beffroi::daemon {

DiskFolder::DiskFolder(const std::string& path, Vault& vault)
    : place_(SyncedFolder::at(path, vault.space())), vault_(vault) {}

storage::FolderFound DiskFolder::look() { return place_.look(); }

Result<FolderScan> DiskFolder::scan(StoreSink& sink, const storage::ObjectOpener& opener, storage::ObjectId applied,
                                    const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                                    Progress& progress) {
  return scan_folder(place_, vault_, sink, opener, applied, rules, local, scope, progress);
}

Result<ApplyOutcome> DiskFolder::apply(const storage::ObjectOpener& opener,
                                       std::span<const storage::MergeChange> changes, Progress& progress) {
  return apply_to_folder(place_, vault_, opener, changes, progress);
}

// What a scan reads may be in memory only, and the whole file system costs less than each file by itself.
Result<void> DiskFolder::sync() {
  BEFFROI_TRY(const OpenFolder top, place_.open());
  if (::syncfs(top->get()) != 0) return std::unexpected(cannot_change(errno));
  return {};
}

}  // namespace beffroi::daemon
