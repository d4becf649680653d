#include "daemon/api/organisation_api.h"

#include <nlohmann/json.hpp>

#include "daemon/restore/access.h"

namespace beffroi::daemon {
namespace {

Json time_or_null(const std::optional<storage::UnixTime>& time) {
  return time ? Json(time_text(*time)) : Json(nullptr);
}

Json or_null(const std::optional<std::uint64_t>& number) { return number ? Json(*number) : Json(nullptr); }

// Who calls, as a record names it.
std::string account_of(const Caller& caller) {
  const std::string name = account_names(caller.uid, {}).user;
  return name.empty() ? "uid " + std::to_string(caller.uid) : name;
}

Json space_json(const ErasedSpace& erased) {
  Json devices = Json::array();
  for (const auto& device : erased.devices) devices.push_back(device.hex());
  return {{"space", erased.space.hex()},
          {"enrolled", time_text(erased.enrolled)},
          {"devices", devices},
          {"objects", erased.objects},
          {"sealed_bytes", erased.sealed_bytes},
          {"commits", erased.commits},
          {"receipt_counter", erased.newest_receipt}};
}

Json erasure_json(const Erasure& erasure) {
  Json spaces = Json::array();
  ErasedSpace sum;
  for (const ErasedSpace& erased : erasure.spaces) {
    spaces.push_back(space_json(erased));
    sum.objects += erased.objects;
    sum.sealed_bytes += erased.sealed_bytes;
    sum.commits += erased.commits;
  }
  return {{"organisation", erasure.organisation.hex()},
          {"name", erasure.was.name},
          {"contact", erasure.was.contact},
          {"created", time_text(erasure.was.created)},
          {"suspended", time_or_null(erasure.was.suspended)},
          {"suspended_reason", erasure.was.suspended_reason},
          {"erased", time_text(erasure.when)},
          {"by", erasure.by},
          {"objects", sum.objects},
          {"sealed_bytes", sum.sealed_bytes},
          {"commits", sum.commits},
          {"spaces", spaces}};
}

using Act = std::function<Result<Json>(PeerContext&, const HttpRequest&)>;

Result<Json> described(const Result<HostedOrganisation>& organisation) {
  if (!organisation) return forward_error(organisation);
  return organisation_json(*organisation);
}

Result<Json> change(PeerContext& peer, const HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string name = fields.text("name");
  OrganisationChange change{text_or_none(fields, "rename"), text_or_none(fields, "contact"), std::nullopt};
  if (const auto quota = fields.number("quota_bytes")) change.quota_bytes.emplace(quota);
  if (fields.flag("no_quota")) change.quota_bytes.emplace(std::nullopt);
  BEFFROI_CHECK(fields.finish());
  if (!change.name && !change.contact && !change.quota_bytes)
    return fail(ErrorCode::usage, N_("Say what is to be changed: the quota, the contact or the name."));
  return described(peer.host->change(name, change, operator_name(request.caller)));
}

Result<Json> revoke(PeerContext& peer, const HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string invitation = fields.text("invitation");
  BEFFROI_CHECK(fields.finish());
  BEFFROI_TRY(const std::string name, peer.host->revoke(invitation, operator_name(request.caller)));
  return Json{{"invitation", invitation}, {"name", name}};
}

Result<Json> suspend(PeerContext& peer, const HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string name = fields.text("name");
  const std::string reason = fields.text("reason");
  BEFFROI_CHECK(fields.finish());
  return described(peer.host->suspend(name, reason, operator_name(request.caller)));
}

Result<Json> resume(PeerContext& peer, const HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string name = fields.text("name");
  BEFFROI_CHECK(fields.finish());
  return described(peer.host->resume(name, operator_name(request.caller)));
}

Result<Json> erase(PeerContext& peer, const HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string name = fields.text("name");
  const std::string confirmed = fields.text("confirm");
  BEFFROI_CHECK(fields.finish());
  if (confirmed != name)
    return fail(ErrorCode::usage,
                N_("What is erased does not come back. Say the name twice: 'beffroi peer erase NAME --confirm NAME'."));
  BEFFROI_TRY(const Erasure erasure, peer.host->erase(name, account_of(request.caller)));
  peer.give_room_back();
  return erasure_json(erasure);
}

Result<Json> erased(PeerContext& peer, const HttpRequest&) {
  BEFFROI_TRY(const auto erasures, peer.host->erasures());
  Json list = Json::array();
  for (const Erasure& erasure : erasures) list.push_back(erasure_json(erasure));
  return Json{{"erasures", list}};
}

Route route(const char* method, const char* path, PeerContext& peer, Act act) {
  return {method, path, true,
          [&peer, act = std::move(act)](HttpRequest& request, HttpExchange& exchange) -> asio::awaitable<Result<void>> {
            BEFFROI_CO_TRY(const Json answer, co_await peer.work.run([&] { return act(peer, request); }));
            co_return co_await reply_json(exchange, answer);
          }};
}

}  // namespace

std::optional<std::string> text_or_none(BodyFields& fields, const char* name) {
  const std::string nothing("\0", 1);
  std::string out = fields.text(name, nothing);
  if (out == nothing) return std::nullopt;
  return out;
}

Json organisation_json(const HostedOrganisation& organisation) {
  return {{"organisation", organisation.id.hex()},
          {"name", organisation.state.name},
          {"contact", organisation.state.contact},
          {"quota_bytes", or_null(organisation.state.quota_bytes)},
          {"used_bytes", organisation.used_bytes},
          {"stations", organisation.stations},
          {"shares", organisation.shares},
          {"created", time_text(organisation.state.created)},
          {"suspended", time_or_null(organisation.state.suspended)},
          {"suspended_reason", organisation.state.suspended_reason}};
}

void add_organisation_routes(std::vector<Route>& routes, PeerContext& peer) {
  routes.push_back(route("POST", "/v1/change", peer, change));
  routes.push_back(route("POST", "/v1/revoke", peer, revoke));
  routes.push_back(route("POST", "/v1/suspend", peer, suspend));
  routes.push_back(route("POST", "/v1/resume", peer, resume));
  routes.push_back(route("POST", "/v1/erase", peer, erase));
  routes.push_back(route("GET", "/v1/erased", peer, erased));
}

}  // namespace beffroi::daemon
