#include "daemon/api/peer_api.h"

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/organisation_api.h"

namespace beffroi::daemon {
namespace {

constexpr std::int64_t kInvitationLastsS = 14LL * 24 * 3600;
constexpr std::uint64_t kLongestInvitationS = 366ULL * 24 * 3600;

Json time_or_null(const std::optional<storage::UnixTime>& time) {
  return time ? Json(time_text(*time)) : Json(nullptr);
}

Json scrub_json(const ScrubState& scrub) {
  Json out = {{"ended", time_or_null(scrub.ended)}, {"running", nullptr}};
  if (scrub.running)
    out["running"] = {{"began", time_text(scrub.running->began)},
                      {"bytes", scrub.running->bytes},
                      {"damaged", scrub.running->damaged}};
  return out;
}

asio::awaitable<Result<void>> answer_status(PeerContext& peer, const Chores& chores, HttpExchange& exchange) {
  const PeerFacts facts = peer.facts();
  BEFFROI_CO_TRY(const ScrubState scrub, co_await peer.work.run([&peer] { return load_scrub(peer.host->database()); }));
  const auto collected = co_await peer.work.run([&chores] { return chores.collected_at(); });
  const storage::PeerPublic keys = peer.host->public_part();
  co_return co_await reply_json(
      exchange, {{"role", "peer"},
                 {"version", BEFFROI_VERSION},
                 {"address", peer.settings.address.empty() ? peer.settings.listen : peer.settings.address},
                 {"transport", to_base32(keys.transport)},
                 {"sign", to_base32(keys.sign)},
                 {"tenants", peer.host->spaces().size()},
                 {"connections", peer.connections()},
                 {"store", {{"bytes", facts.store_bytes}, {"free_bytes", facts.free_bytes}}},
                 {"collected", time_or_null(collected)},
                 {"scrub", scrub_json(scrub)},
                 {"alarms", alarms_json(peer.alarms.current())},
                 {"running_since", time_text(peer.running_since)}});
}

struct InviteWords {
  std::string name, address;
  std::optional<std::string> contact;
  std::optional<std::uint64_t> quota_bytes;
  storage::UnixTime expires;
};

Result<InviteWords> read_invite(const PeerContext& peer, const std::string& body) {
  BodyFields fields(body);
  InviteWords out;
  out.name = fields.text("name");
  out.address = fields.text("address", peer.settings.address);
  out.contact = text_or_none(fields, "contact");
  out.quota_bytes = fields.number("quota_bytes");
  const std::uint64_t lasts_s = fields.number("expires_s").value_or(kInvitationLastsS);
  BEFFROI_CHECK(fields.finish());
  if (out.name.empty() || out.name.size() > storage::kMaxNameBytes)
    return fail(ErrorCode::usage, N_("Say for whom: the invitation needs a name of at most 255 bytes."));
  if (lasts_s == 0 || lasts_s > kLongestInvitationS)
    return fail(ErrorCode::usage, N_("An invitation lasts from one second to one year."));
  if (!storage::is_address(out.address))
    return fail(ErrorCode::usage,
                N_("Say where stations reach this peer: --address HOST:PORT, or the setting \"address\" "
                   "in the peer's configuration."));
  out.expires.seconds = peer.clock.now().seconds + static_cast<std::int64_t>(lasts_s);
  return out;
}

asio::awaitable<Result<void>> answer_invite(PeerContext& peer, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const InviteWords words, read_invite(peer, request.body));
  BEFFROI_CO_TRY(const Json answer, co_await peer.work.run([&]() -> Result<Json> {
    BEFFROI_TRY(const auto invitation, peer.host->invite(words.name, words.quota_bytes, words.expires, words.address,
                                                         words.contact, operator_name(request.caller)));
    return Json{{"code", storage::invitation_code(invitation)},
                {"invitation", invitation_id(invitation.transport_key())},
                {"name", words.name},
                {"expires", time_text(words.expires)}};
  }));
  co_return co_await reply_json(exchange, answer);
}

Json tenant_json(const PeerContext& peer, const Tenant& tenant) {
  return {{"space", tenant.space.hex()},
          {"kind", tenant.kind == storage::SpaceKind::share ? "share" : "vault"},
          {"organisation", tenant.organisation.hex()},
          {"name", tenant.name},
          {"quota_bytes", tenant.quota_bytes ? Json(*tenant.quota_bytes) : Json(nullptr)},
          {"used_bytes", tenant.used_bytes},
          {"enrolled", time_text(tenant.enrolled)},
          {"last_contact", time_or_null(tenant.last_contact)},
          {"last_commit", time_or_null(tenant.last_commit)},
          {"commits", tenant.commits},
          {"quarantined", tenant.quarantined},
          {"silent", peer.is_silent(tenant)}};
}

Json invitation_json(const PendingInvitation& invitation, storage::UnixTime now) {
  return {{"invitation", invitation.id},
          {"organisation", invitation.organisation.hex()},
          {"name", invitation.name},
          {"expires", time_text(invitation.expires)},
          {"state", invitation.used            ? "used"
                    : invitation.revoked       ? "revoked"
                    : invitation.expires < now ? "expired"
                                               : "open"}};
}

asio::awaitable<Result<void>> answer_tenants(PeerContext& peer, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const auto tenants, co_await peer.work.run([&peer] { return peer.host->tenants(); }));
  BEFFROI_CO_TRY(const auto invitations, co_await peer.work.run([&peer] { return peer.host->invitations(); }));
  Json organisations = Json::array();
  for (const HostedOrganisation& organisation : peer.host->organisations())
    organisations.push_back(organisation_json(organisation));
  Json hosted = Json::array();
  for (const Tenant& tenant : tenants) hosted.push_back(tenant_json(peer, tenant));
  Json open = Json::array();
  for (const PendingInvitation& invitation : invitations) open.push_back(invitation_json(invitation, peer.clock.now()));
  co_return co_await reply_json(exchange,
                                {{"organisations", organisations}, {"tenants", hosted}, {"invitations", open}});
}

}  // namespace

Router peer_router(PeerContext& peer, Chores& chores) {
  std::vector<Route> routes;
  routes.push_back({"GET", "/v1/status", true,
                    [&peer, &chores](HttpRequest&, HttpExchange& x) { return answer_status(peer, chores, x); }});
  routes.push_back(
      {"POST", "/v1/invite", true, [&peer](HttpRequest& r, HttpExchange& x) { return answer_invite(peer, r, x); }});
  routes.push_back(
      {"GET", "/v1/tenants", true, [&peer](HttpRequest&, HttpExchange& x) { return answer_tenants(peer, x); }});
  add_organisation_routes(routes, peer);
  add_chore_routes(routes, peer, chores);
  routes.push_back(
      {"GET", "/v1/audit", true, [&peer](HttpRequest& r, HttpExchange& x) { return answer_audit(peer, r, x); }});
  routes.push_back(
      {"GET", "/v1/clock", true, [&peer](HttpRequest&, HttpExchange& x) { return answer_clock(peer, x); }});
  routes.push_back({"POST", "/v1/clock", true,
                    [&peer](HttpRequest& r, HttpExchange& x) { return answer_accept_clock(peer, r, x); }});
  routes.push_back({"POST", "/v1/losses", true,
                    [&peer](HttpRequest& r, HttpExchange& x) { return answer_declare_loss(peer, r, x); }});
  return Router(std::move(routes));
}

}  // namespace beffroi::daemon
