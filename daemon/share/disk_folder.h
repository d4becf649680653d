// The synced folder on the disk, as cycles see it.
#pragma once

#include "daemon/share/share_folder.h"
#include "daemon/share/synced_folder.h"

namespace beffroi::daemon {

class DiskFolder final : public ShareFolder {
 public:
  /// `vault` outlives it.
  DiskFolder(const std::string& path, Vault& vault);
  storage::FolderFound look() override;
  Result<FolderScan> scan(StoreSink& sink, const storage::ObjectOpener& opener, storage::ObjectId applied,
                          const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                          Progress& progress) override;
  Result<ApplyOutcome> apply(const storage::ObjectOpener& opener, std::span<const storage::MergeChange> changes,
                             Progress& progress) override;
  Result<void> sync() override;
  const SyncedFolder& place() const { return place_; }

 private:
  const SyncedFolder place_;
  Vault& vault_;
};

}  // namespace beffroi::daemon
