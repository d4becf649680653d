// POST /v1/forget, /v1/audit: what a station does to its store, and asks of its peer, beside backups.
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/audit_job.h"
#include "daemon/station/collecting.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<Json>> run_forget(StationContext& station, std::shared_ptr<Job> job, bool dry_run) {
  BEFFROI_CO_TRY(const ForgetOutcome outcome, co_await forget_and_collect(station, job->progress(), dry_run));
  Json forgotten = Json::array();
  for (const storage::CommitId& commit : outcome.forgotten) forgotten.push_back(commit.hex());
  co_return Json{{"dry_run", dry_run},
                 {"forgotten", forgotten},
                 {"snapshots", outcome.collected.snapshots},
                 {"objects", outcome.collected.objects},
                 {"bytes", outcome.collected.bytes}};
}

asio::awaitable<Result<void>> answer_forget(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BodyFields fields(request.body);
  const bool dry_run = fields.flag("dry_run");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::collect));
  co_return co_await stream_events(exchange, station.executor, job->progress(), dry_run,
                                   [&station, job, dry_run] { return run_forget(station, job, dry_run); });
}

asio::awaitable<Result<Json>> run_audit(StationContext& station, std::shared_ptr<Job> job) {
  BEFFROI_CO_TRY(const AuditReport report, co_await audit_peer(station, job->progress(), AuditWords()));
  co_return Json{{"snapshots", report.snapshots},
                 {"objects", report.objects},
                 {"bytes", report.bytes},
                 {"missing", report.missing.size()}};
}

asio::awaitable<Result<void>> answer_audit(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::sync));
  co_return co_await stream_events(exchange, station.executor, job->progress(), true,
                                   [&station, job] { return run_audit(station, job); });
}

}  // namespace

void add_upkeep_routes(Routes& routes, StationContext& station) {
  routes.push_back({"POST", "/v1/forget", true,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_forget(station, r, x); }});
  routes.push_back(
      {"POST", "/v1/audit", true, [&station](HttpRequest&, HttpExchange& x) { return answer_audit(station, x); }});
}

}  // namespace beffroi::daemon
