// GET and POST /v1/spaces/ignore: the names that a shared folder leaves out, for all of its members.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/share/membership.h"

namespace beffroi::daemon {
namespace {

Json rules_json(const Share& share) {
  const storage::IgnoreRules rules = share.vault->log().ignore_rules();
  return {{"space", share.space.hex()},
          {"name", share.shown()},
          {"patterns", rules.patterns()},
          {"defaults", rules == storage::IgnoreRules::defaults()}};
}

asio::awaitable<Result<void>> show(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, station.shares.find(query_text(request, "space")));
  BEFFROI_CO_CHECK(require_joined(*share));
  co_return co_await reply_json(exchange, rules_json(*share));
}

asio::awaitable<Result<void>> change(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const std::string name = fields.text("space");
  const std::vector<std::string> more = fields.texts("add"), gone = fields.texts("remove");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, station.shares.find(name));
  BEFFROI_CO_CHECK(require_manager(*share));
  BEFFROI_CO_CHECK(share->vault->log().ignore_rules().changed(more, gone));
  // Signed again of the rules that hold then, when somebody else was faster.
  const auto sign = [&station, share, more, gone](const storage::SpaceLog& log) -> Result<std::vector<Bytes>> {
    BEFFROI_TRY(const auto rules, log.ignore_rules().changed(more, gone));
    return storage::set_ignore_rules(log, share->vault->device_keys(), rules, station.clock.now(), station.random);
  };
  BEFFROI_CO_CHECK(co_await change_share(station, *share, storage::WantsSettings{}, sign));
  co_return co_await reply_json(exchange, rules_json(*share));
}

}  // namespace

void add_space_ignore_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"GET", "/v1/spaces/ignore", true, [&station](HttpRequest& r, HttpExchange& x) { return show(station, r, x); }});
  routes.push_back({"POST", "/v1/spaces/ignore", true,
                    [&station](HttpRequest& r, HttpExchange& x) { return change(station, r, x); }});
}

}  // namespace beffroi::daemon
