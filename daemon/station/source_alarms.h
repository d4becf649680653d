// The alarm of each source that a backup could not take as it should: missing, suddenly empty, its command failed.
#pragma once

#include "daemon/backup/backup.h"
#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Raises and clears "source:PATH" by the problems that a backup had with the sources themselves (not with files in
/// them).
void ring_for_sources(StationContext& station, const BackupResult& result);
/// Clears the alarms of sources that are sources no more.
void clear_alarms_of_removed_sources(StationContext& station);

}  // namespace beffroi::daemon
