// The station's side of docs/api.md. Each file station_*.cpp adds the routes of one theme.
#pragma once

#include "daemon/api/router.h"
#include "daemon/station/recovery.h"
#include "daemon/station/station_context.h"

namespace beffroi::daemon {

using Routes = std::vector<Route>;

void add_status_routes(Routes& routes, StationContext& station);
void add_founding_routes(Routes& routes, StationContext& station);
void add_source_routes(Routes& routes, StationContext& station);
void add_backup_routes(Routes& routes, StationContext& station);
void add_look_routes(Routes& routes, StationContext& station);
void add_restore_routes(Routes& routes, StationContext& station);
void add_check_routes(Routes& routes, StationContext& station);
void add_retention_routes(Routes& routes, StationContext& station);
void add_log_routes(Routes& routes, StationContext& station);
void add_upkeep_routes(Routes& routes, StationContext& station);
void add_space_routes(Routes& routes, StationContext& station);
void add_space_member_routes(Routes& routes, StationContext& station);
void add_space_ignore_routes(Routes& routes, StationContext& station);
void add_space_file_routes(Routes& routes, StationContext& station);
void add_space_history_routes(Routes& routes, StationContext& station);
void add_recover_routes(Routes& routes, StationContext& station, Recovery& recovery);

/// All of them. Both arguments outlive the router.
Router station_router(StationContext& station, Recovery& recovery);

}  // namespace beffroi::daemon
