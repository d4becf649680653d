// New, changed or as it was: the one place that says what these words mean.
#pragma once

#include "daemon/backup/slot.h"
#include "daemon/service/progress.h"
#include "storage/space/commit.h"

namespace beffroi::daemon {

/// All that describes a file but its content and flags.
inline bool same_metadata(const storage::Entry& a, const storage::Entry& b) {
  return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.mtime_s == b.mtime_s &&
         a.mtime_ns == b.mtime_ns && a.xattrs == b.xattrs && a.link_target == b.link_target &&
         a.device_major == b.device_major && a.device_minor == b.device_minor;
}

/// Of all entries. False: it is no file, and counted.
inline bool count_kind(const storage::Entry& entry, storage::CommitStatistics& statistics) {
  if (entry.type == storage::EntryType::directory)
    ++statistics.directories;
  else if (entry.type != storage::EntryType::file)
    ++statistics.others;
  else
    statistics.bytes_source += entry.size;
  return entry.type == storage::EntryType::file;
}

/// Counts entries that are as they were.
inline void count_known(const KnownRun& run, storage::CommitStatistics& statistics, Progress& progress) {
  std::uint64_t files = 0;
  for (const storage::Entry& entry : run.entries()) files += count_kind(entry, statistics) ? 1 : 0;
  statistics.files_unchanged += files;
  progress.files_unchanged += files;
}

/// Counts an entry that the new snapshot has. `same_content`: as in the last snapshot.
inline void count_entry(const Slot& slot, bool same_content, storage::CommitStatistics& statistics,
                        Progress& progress) {
  const storage::Entry& entry = slot.entry();
  if (!count_kind(entry, statistics)) return;
  const bool was_file = slot.previous && slot.previous->type == storage::EntryType::file;
  if (!was_file) {
    ++statistics.files_new;
    ++progress.files_new;
  } else if (slot.kept || (same_content && same_metadata(entry, *slot.previous))) {
    ++statistics.files_unchanged;
    ++progress.files_unchanged;
  } else {
    ++statistics.files_changed;
    ++progress.files_changed;
  }
}

}  // namespace beffroi::daemon
