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

/// Counts an entry that the new snapshot has. `same_content`: as in the last snapshot.
inline void count_entry(const Slot& slot, bool same_content, storage::CommitStatistics& statistics,
                        Progress& progress) {
  const storage::Entry& entry = slot.entry();
  if (entry.type == storage::EntryType::directory) {
    ++statistics.directories;
    return;
  }
  if (entry.type != storage::EntryType::file) {
    ++statistics.others;
    return;
  }
  statistics.bytes_source += entry.size;
  if (slot.as_known) {
    ++statistics.files_unchanged;
    ++progress.files_unchanged;
    return;
  }
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
