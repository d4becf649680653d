// Brings a shared folder to a merged tree. Nobody ever sees half a file: each is written under a temporary name, made
// durable and then put in its place at once; what stood there is looked at before and after and stays when it is not
// what the tree said (somebody works on it). Files and folders that only moved are not written again.
#pragma once

#include "daemon/share/share_folder.h"
#include "daemon/share/synced_folder.h"

namespace beffroi::daemon {

/// More reasons than this are not told one by one.
inline constexpr std::size_t kMaxReasons = 1000;

/// Moments at which a test may break off, as a crash would, or change the folder.
enum class ApplyPoint : std::uint8_t { folder, link, removal, content, publishing, exchanged, rights, end };
using AtApplyPoint = std::function<Result<void>(ApplyPoint, const std::string& path)>;

/// `changes`: as merge_trees() gives them for this side, whose tree is the one that the folder was last scanned to.
/// What can't be applied (in use, changed since, no room, content not here, a name that the file system or the share
/// doesn't take) stays as it is and is told in the outcome, ascending. Blocks; not beside a scan of the folder. Errors:
/// the folder is missing or not the marked one, cancelled, the vault's. After an error, or a crash, each file is as it
/// was or as it should be; the next scan finds which.
Result<ApplyOutcome> apply_to_folder(const SyncedFolder& folder, Vault& vault, const storage::ObjectOpener& opener,
                                     std::span<const storage::MergeChange> changes, Progress& progress,
                                     const AtApplyPoint& at_point = {});

}  // namespace beffroi::daemon
