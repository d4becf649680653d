// /v1/sources: what is backed up.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/source_alarms.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<void>> list(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto sources,
                 co_await station.work.run([&station] { return SourceList(*station.vault).all(); }));
  Json out = Json::array();
  for (const Source& source : sources) out.push_back(source_json(source));
  co_return co_await reply_json(exchange, {{"sources", out}});
}

asio::awaitable<Result<void>> add(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const Source wanted, read_source(request.body));
  BEFFROI_CO_TRY(const Source source,
                 co_await station.work.run([&station, &wanted] { return SourceList(*station.vault).add(wanted); }));
  co_await station.refresh_facts();
  co_return co_await reply_json(exchange, source_json(source));
}

asio::awaitable<Result<void>> remove(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BodyFields fields(request.body);
  const std::string path = fields.bytes("path");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_CHECK(co_await station.work.run([&station, &path]() -> Result<void> {
    BEFFROI_CHECK(SourceList(*station.vault).remove(path));
    clear_alarms_of_removed_sources(station);
    return {};
  }));
  co_await station.refresh_facts();
  co_return co_await reply_json(exchange, Json::object());
}

}  // namespace

void add_source_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"GET", "/v1/sources", true, [&station](HttpRequest&, HttpExchange& x) { return list(station, x); }});
  routes.push_back(
      {"POST", "/v1/sources", true, [&station](HttpRequest& r, HttpExchange& x) { return add(station, r, x); }});
  routes.push_back(
      {"DELETE", "/v1/sources", true, [&station](HttpRequest& r, HttpExchange& x) { return remove(station, r, x); }});
}

}  // namespace beffroi::daemon
