// POST /v1/backup, /v1/sync, /v1/schedule/run: long work that ends with a snapshot, a receipt, or both.
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/backup_job.h"

namespace beffroi::daemon {
namespace {

Json problems_json(const std::vector<storage::CommitProblem>& problems) {
  Json out = Json::array();
  for (const auto& problem : problems) {
    Json one = sentence_json(problem.reason, problem.arguments);
    set_path(one, storage::to_display_path(problem.path));
    out.push_back(std::move(one));
  }
  return out;
}

Json push_error_json(const Error& error) {
  Json out = error_json(error);
  out["lasting"] = !is_passing(error.code);
  return out;
}

Json backup_json(const BackupOutcome& outcome) {
  const BackupResult& result = outcome.result;
  const storage::CommitStatistics& counts = result.statistics;
  return {{"snapshot", result.snapshot ? Json(result.snapshot->hex()) : Json(nullptr)},
          {"files_new", counts.files_new},
          {"files_changed", counts.files_changed},
          {"files_unchanged", counts.files_unchanged},
          {"files_removed", counts.files_removed},
          {"directories", counts.directories},
          {"sockets_skipped", counts.sockets_skipped},
          {"excluded", counts.excluded},
          {"bytes_source", counts.bytes_source},
          {"bytes_read", counts.bytes_read},
          {"bytes_added", counts.bytes_added},
          {"bytes_sent", outcome.bytes_sent},
          {"partial_commits", result.partial_commits},
          {"errors", problems_json(result.problems)},
          {"errors_total", result.problems_total},
          {"duration_s", static_cast<double>(counts.duration_ms) / 1000},
          {"receipt", outcome.snapshot ? receipt_json(*outcome.snapshot) : Json(nullptr)},
          {"sync_error", outcome.sync_error ? push_error_json(*outcome.sync_error) : Json(nullptr)}};
}

asio::awaitable<Result<Json>> run_backup_job(StationContext& station, std::shared_ptr<Job> job, BackupWords words) {
  BEFFROI_CO_TRY(const BackupOutcome outcome, co_await back_up(station, job->progress(), std::move(words)));
  co_return backup_json(outcome);
}

asio::awaitable<Result<void>> stream_backup(StationContext& station, HttpExchange& exchange, BackupWords words) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::backup));
  co_return co_await stream_events(exchange, station.executor, job->progress(), false,
                                   [&station, job, words] { return run_backup_job(station, job, words); });
}

asio::awaitable<Result<void>> answer_backup(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  BackupWords words;
  words.tags = fields.texts("tags");
  words.dry_run = fields.flag("dry_run");
  words.rehash = fields.flag("rehash");
  words.accept_empty = fields.flag("accept_empty");
  words.sync = fields.flag("sync", true);
  BEFFROI_CO_CHECK(fields.finish());
  co_return co_await stream_backup(station, exchange, words);
}

asio::awaitable<Result<void>> answer_nightly(StationContext& station, HttpExchange& exchange) {
  BackupWords words;
  words.nightly = true;
  co_return co_await stream_backup(station, exchange, words);
}

asio::awaitable<Result<Json>> run_sync_job(StationContext& station, std::shared_ptr<Job> job) {
  BEFFROI_CO_TRY(const PushResult pushed, co_await push_to_peer(station, job->progress()));
  const StationFacts facts = station.facts();
  Json receipt = nullptr;
  if (facts.last_receipt)
    receipt = {{"counter", facts.last_receipt->counter}, {"time", time_text(facts.last_receipt->peer_time)}};
  co_return Json{{"commits", pushed.commits},
                 {"objects_sent", pushed.objects_sent},
                 {"bytes_sent", pushed.bytes_sent},
                 {"receipt", receipt},
                 {"pending", facts.pending_commits}};
}

asio::awaitable<Result<void>> answer_sync(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::sync));
  co_return co_await stream_events(exchange, station.executor, job->progress(), false,
                                   [&station, job] { return run_sync_job(station, job); });
}

}  // namespace

void add_backup_routes(Routes& routes, StationContext& station) {
  routes.push_back({"POST", "/v1/backup", true,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_backup(station, r, x); }});
  routes.push_back(
      {"POST", "/v1/sync", true, [&station](HttpRequest&, HttpExchange& x) { return answer_sync(station, x); }});
  routes.push_back({"POST", "/v1/schedule/run", true,
                    [&station](HttpRequest&, HttpExchange& x) { return answer_nightly(station, x); }});
}

}  // namespace beffroi::daemon
