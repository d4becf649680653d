// /v1/spaces/…: who is in a shared space: invitations, requests, members, roles, and the log that says so.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/space_json.h"
#include "daemon/api/station_api.h"

namespace beffroi::daemon {
namespace {

using Fields = BodyFields;

Json list_json(const char* name, const auto& items, auto to_json) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json(item));
  return {{name, std::move(list)}};
}

Result<SharePointer> joined_share(const StationContext& station, const std::string& name) {
  BEFFROI_TRY(SharePointer share, station.shares.find(name));
  BEFFROI_CHECK(require_joined(*share));
  return share;
}

asio::awaitable<Result<void>> answer_invite(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  const std::string role_text = fields.text("role");
  const std::uint64_t seconds = fields.number("expires_s").value_or(kInvitationDays * 24 * 3600);
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const storage::Role role, parse_role(role_text));
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  const auto time = static_cast<std::int64_t>(std::min<std::uint64_t>(seconds, INT32_MAX));
  BEFFROI_CO_TRY(MadeInvitation made, co_await invite_to_share(station, share, role, time));
  Json out = invitation_json(made.facts);
  out["code"] = made.code;
  crypto::wipe(made.code);
  co_return co_await reply_json(exchange, std::move(out));
}

asio::awaitable<Result<void>> answer_invitations(StationContext& station, HttpRequest& request,
                                                 HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, query_text(request, "space")));
  BEFFROI_CO_TRY(const auto all,
                 co_await station.work.run([&] { return invitations_of(*share, station.clock.now()); }));
  co_return co_await reply_json(exchange, list_json("invitations", all, invitation_json));
}

asio::awaitable<Result<void>> answer_revoke(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  const std::string id = fields.text("id");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  BEFFROI_CO_TRY(const InvitationFacts facts, co_await revoke_invitation(station, share, id));
  co_return co_await reply_json(exchange, invitation_json(facts));
}

asio::awaitable<Result<void>> answer_requests(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, query_text(request, "space")));
  BEFFROI_CO_TRY(const auto all, co_await requests_of(station, share));
  co_return co_await reply_json(exchange, list_json("requests", all, request_json));
}

asio::awaitable<Result<void>> answer_confirm(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  const std::string id = fields.text("id");
  const std::string words = fields.text("words");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  BEFFROI_CO_TRY(const RequestFacts facts, co_await confirm_request(station, share, id, words));
  co_return co_await reply_json(exchange, request_json(facts));
}

asio::awaitable<Result<void>> answer_refuse(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  const std::string id = fields.text("id");
  const std::string reason = fields.text("reason");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  BEFFROI_CO_TRY(const InvitationFacts facts, co_await refuse_request(station, share, id, reason));
  co_return co_await reply_json(exchange, invitation_json(facts));
}

asio::awaitable<Result<void>> answer_members(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, query_text(request, "space")));
  BEFFROI_CO_TRY(const auto members, co_await station.work.run([&] { return members_of(*share); }));
  Json out = list_json("members", members, member_json);
  out["space"] = share->space.hex();
  out["name"] = share->vault->name();
  co_return co_await reply_json(exchange, std::move(out));
}

asio::awaitable<Result<void>> answer_role(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  const std::string member = fields.text("member");
  const std::string role_text = fields.text("role");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const storage::Role role, parse_role(role_text));
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  BEFFROI_CO_TRY(const Member changed, co_await change_member_role(station, share, member, role));
  co_return co_await reply_json(exchange, member_json(changed));
}

asio::awaitable<Result<void>> answer_remove(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  RemovalWish wish{.member = fields.text("member"), .device = fields.text("device"), .hostile = fields.flag("hostile")};
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  const bool hostile = wish.hostile;
  BEFFROI_CO_TRY(const Member removed, co_await remove_from_share(station, share, std::move(wish)));
  Json out = member_json(removed);
  out["hostile"] = hostile;
  co_return co_await reply_json(exchange, std::move(out));
}

asio::awaitable<Result<void>> answer_rename(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  Fields fields(request.body);
  const std::string name = fields.text("space");
  NameWish wish{.name = fields.text("name"), .member = fields.text("member"), .device = fields.text("device")};
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, name));
  BEFFROI_CO_CHECK(co_await rename_in_share(station, share, wish));
  co_return co_await reply_json(exchange, {{"name", wish.name}});
}

asio::awaitable<Result<void>> answer_log(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, joined_share(station, query_text(request, "space")));
  BEFFROI_CO_TRY(Json records, co_await station.work.run([&] { return share_log_json(*share); }));
  co_return co_await reply_json(exchange, {{"space", share->space.hex()}, {"records", std::move(records)}});
}

}  // namespace

void add_space_member_routes(Routes& routes, StationContext& station) {
  const AdminRoutes add(routes, station);
  add("POST", "/v1/spaces/invite", answer_invite);
  add("GET", "/v1/spaces/invitations", answer_invitations);
  add("POST", "/v1/spaces/revoke", answer_revoke);
  add("GET", "/v1/spaces/requests", answer_requests);
  add("POST", "/v1/spaces/confirm", answer_confirm);
  add("POST", "/v1/spaces/refuse", answer_refuse);
  add("GET", "/v1/spaces/members", answer_members);
  add("POST", "/v1/spaces/role", answer_role);
  add("POST", "/v1/spaces/remove", answer_remove);
  add("POST", "/v1/spaces/rename", answer_rename);
  add("GET", "/v1/spaces/log", answer_log);
}

}  // namespace beffroi::daemon
