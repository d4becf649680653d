// The station's side of docs/api.md. Each file station_*.cpp adds the routes of one theme.
#pragma once

#include "daemon/api/router.h"
#include "daemon/station/recovery.h"
#include "daemon/station/station_context.h"

namespace beffroi::daemon {

using Routes = std::vector<Route>;

/// Adds routes that administrators alone may call, to functions of station, request and exchange.
class AdminRoutes {
 public:
  /// Both outlive what is added.
  AdminRoutes(Routes& routes, StationContext& station) : routes_(routes), station_(station) {}
  template <class Answer>
  void operator()(const char* method, const char* path, Answer answer) const {
    routes_.push_back({method, path, true, [&station = station_, answer](HttpRequest& request, HttpExchange& exchange) {
                         return answer(station, request, exchange);
                       }});
  }

 private:
  Routes& routes_;
  StationContext& station_;
};

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
