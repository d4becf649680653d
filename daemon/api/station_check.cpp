// POST /v1/check
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/hearing.h"
#include "daemon/station/sync_job.h"
#include "daemon/vault/check.h"

namespace beffroi::daemon {
namespace {

struct CheckWords {
  std::string at;
  bool read_data = false;
  std::shared_ptr<storage::ObjectSource> source;
};

Json report_json(const CheckReport& report) {
  Json damages = Json::array();
  for (const auto& damage : report.damages) {
    Json one = {{"snapshot", damage.snapshot.empty() ? Json(nullptr) : Json(damage.snapshot)},
                {"error", error_json(damage.error)}};
    set_path(one, damage.path.empty() ? std::string() : storage::to_display_path(damage.path));
    damages.push_back(std::move(one));
  }
  return {{"snapshots", report.snapshots},
          {"snapshots_not_sent", report.snapshots_not_sent},
          {"snapshots_gone", report.snapshots_gone},
          {"objects", report.objects},
          {"bytes", report.bytes},
          {"files", report.files},
          {"damages", damages},
          {"damages_total", report.damages_total},
          {"bytes_in_place", report.bytes_in_place},
          {"bytes_elsewhere", report.bytes_elsewhere}};
}

/// The command that is named finds the same again: without --read-data, damaged contents are not looked for.
const char* damage_sentence(const std::string& at, bool read_data) {
  if (at == "local")
    return read_data ? N_("{} damages were found in this machine's store. 'beffroi check --read-data' lists them.")
                     : N_("{} damages were found in this machine's store. 'beffroi check' lists them.");
  return read_data ? N_("{} damages were found at the peer. 'beffroi check --read-data --at peer' lists them.")
                   : N_("{} damages were found at the peer. 'beffroi check --at peer' lists them.");
}

void ring(StationContext& station, const CheckWords& words, const CheckReport& report) {
  const std::string alarm = "integrity:check:" + words.at;
  if (report.damages_total > 0) {
    station.raise_alarm(
        alarm,
        Error{ErrorCode::corrupt, damage_sentence(words.at, words.read_data), {std::to_string(report.damages_total)}});
  } else if (words.read_data) {
    station.clear_alarm(alarm);
    station.clear_alarm("integrity:restore:" + words.at);
    if (words.at == "local") station.clear_alarm("integrity:snapshot");
  }
}

/// What the peer let go by the rules need not be there. A peer that is not what it was is a finding of the check; what
/// else goes wrong with it the check says itself.
void add_finding(StationContext& station, const Result<void>& heard, CheckReport& report) {
  if (heard) return;
  if (heard.error().code != ErrorCode::corrupt) return spdlog::warn("beside a check: {}", heard.error().message());
  station.raise_alarm(kPeerAlarm, heard.error());
  const auto same = [&](const CheckReport::Damage& known) { return known.error.text == heard.error().text; };
  if (!report.damages.empty() && same(report.damages.front())) return;
  ++report.damages_total;
  report.damages.insert(report.damages.begin(), {.snapshot = {}, .path = {}, .error = heard.error()});
}

/// On a worker thread. `heard`: what became of asking the peer meanwhile, the first failure if there was any.
Result<CheckReport> check_guarded(StationContext& station, const CheckWords& words, Progress& progress,
                                  Result<void>& heard) {
  std::function<void()> hear;
  if (words.at == "peer")
    hear = [&] {
      auto now = hear_and_wait(station);
      if (heard) heard = std::move(now);
    };
  try {
    return check_vault(*station.vault, words.source, words.read_data, progress, hear);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
  }
}

asio::awaitable<Result<Json>> run_check(StationContext& station, std::shared_ptr<Job> job, CheckWords words) {
  job->progress()->phase = Phase::checking;
  Result<void> heard;
  if (words.at == "peer") heard = co_await hear_of_the_peer(station);
  Result<void> heard_later;
  BEFFROI_CO_TRY(CheckReport report, co_await station.streams.run(
                                         [&] { return check_guarded(station, words, *job->progress(), heard_later); }));
  add_finding(station, heard, report);
  add_finding(station, heard_later, report);
  ring(station, words, report);
  co_return report_json(report);
}

asio::awaitable<Result<void>> answer_check(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BodyFields fields(request.body);
  CheckWords words;
  words.read_data = fields.flag("read_data");
  words.at = fields.text("at", "local");
  BEFFROI_CO_CHECK(fields.finish());
  if (words.at != "local" && words.at != "peer")
    co_return fail(ErrorCode::usage, N_("There is no place \"{}\" to check at: choose local or peer."), words.at);
  BEFFROI_CO_TRY(words.source,
                 station.source(words.at == "peer" ? StationContext::From::peer : StationContext::From::local));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::check));
  co_return co_await stream_events(exchange, station.executor, job->progress(), true,
                                   [&station, job, words] { return run_check(station, job, words); });
}

}  // namespace

void add_check_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"POST", "/v1/check", true, [&station](HttpRequest& r, HttpExchange& x) { return answer_check(station, r, x); }});
}

}  // namespace beffroi::daemon
