// What of a file on the disk is shared, as a tree entry: type, the rights, the time of a file or link, the target
// of a link. A folder's time is not: every file in it changes that, also those that are left out, and each station
// would tell all others of what its own writing did.
#pragma once

#include <sys/stat.h>

#include <chrono>

#include "storage/store/file_cache.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {

/// Contents changed more recently than this are still being written.
inline constexpr std::chrono::milliseconds kQuiet{1000};
/// The same, of a file that nobody has open for writing.
inline constexpr std::chrono::milliseconds kQuietClosed{250};

/// Of these rights, those that are shared and given: its owner may always read and write a file and work in a folder,
/// strangers never change one. Else a member would lock the others out of their own folder, or let local strangers in.
std::uint32_t shared_mode(storage::EntryType type, std::uint32_t mode);

/// All but path, content and target. Precondition: `status` is of a file, folder or link.
storage::Entry shared_entry(const struct stat& status);
/// The same, keeping path and content.
void set_shared_metadata(storage::Entry& entry, const struct stat& status);

/// Do times and rights say the same? (Coarse stamps of a file system that keeps whole seconds count as equal.)
bool has_same_metadata(const storage::Entry& shared, const storage::Entry& other);

/// What is written into the file cache for a file that holds just what this entry says.
storage::CachedFile cached_as(const storage::Entry& entry, const storage::FileFingerprint& fingerprint);
/// Was this written for a file that held just what the entry says?
bool vouches_for(const storage::CachedFile& cached, const storage::Entry& entry);

/// What is written into the file cache for a folder whose rights could not be made those of the entry.
storage::CachedFile rights_not_set(const storage::Entry& entry, const struct stat& status);
/// The entry's rights, if this was written for a folder that has the same rights as then; else those that it has.
std::uint32_t shared_rights(const std::optional<storage::CachedFile>& cached, const struct stat& status);

/// `wall`: the time now. `quiet`: for how long the content must have been as it is.
bool is_quiet(const struct stat& status, std::chrono::milliseconds wall, std::chrono::milliseconds quiet = kQuiet);

}  // namespace beffroi::daemon
