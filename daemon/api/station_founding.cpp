// GET /v1/device, POST /v1/found, POST /v1/join: how a station gets its vault and its peer.
#include <nlohmann/json.hpp>

#include "daemon/api/cbor_lists.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/joining.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<void>> answer_device(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const crypto::SecretBytes request,
                 co_await station.work.run([&station]() -> Result<crypto::SecretBytes> {
                   BEFFROI_TRY(const auto made, station.vault->device_request());
                   return made.encode();
                 }));
  co_return co_await reply_cbor(exchange, to_bytes(request.view()));
}

asio::awaitable<Result<void>> answer_found(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const auto records, decode_byte_strings(as_bytes(request.body), storage::kMaxRecordBytes));
  const std::string kit = query_text(request, "kit");
  const std::string page = query_text(request, "page");
  BEFFROI_CO_CHECK(co_await station.work.run([&station, &records, &kit, &page]() -> Result<void> {
    BEFFROI_CHECK(station.vault->found(records));
    station.state.set_founded_at(station.clock.now());
    for (const std::string& file : {kit, page})
      if (!file.empty()) station.state.add_kit_file(file);
    return {};
  }));
  co_await station.refresh_facts();
  const StationFacts facts = station.facts();
  co_return co_await reply_json(exchange, {{"space", facts.space}, {"name", facts.name}, {"device", facts.device}});
}

asio::awaitable<Result<void>> answer_join(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const std::string code = fields.text("code");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::sync));
  BEFFROI_CO_TRY(const PeerBinding binding, co_await join_peer(station, code));
  const Json peer = {{"address", binding.address},
                     {"transport", to_base32(binding.peer.transport)},
                     {"sign", to_base32(binding.peer.sign)}};
  co_return co_await reply_json(exchange, {{"space", station.vault->space().hex()}, {"peer", peer}});
}

}  // namespace

void add_founding_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"GET", "/v1/device", true, [&station](HttpRequest&, HttpExchange& x) { return answer_device(station, x); }});
  routes.push_back(
      {"POST", "/v1/found", true, [&station](HttpRequest& r, HttpExchange& x) { return answer_found(station, r, x); }});
  routes.push_back(
      {"POST", "/v1/join", true, [&station](HttpRequest& r, HttpExchange& x) { return answer_join(station, r, x); }});
}

}  // namespace beffroi::daemon
