// GET /v1/retention, POST /v1/retention/explain: what the vault's rules keep, and why.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/vault/ageing.h"

namespace beffroi::daemon {
namespace {

using storage::RetentionBody;

struct Field {
  const char* name;
  std::uint32_t RetentionBody::* value;
};
constexpr std::array kFields = {
    Field{"lock_days", &RetentionBody::lock_days}, Field{"within_days", &RetentionBody::within_days},
    Field{"hourly", &RetentionBody::hourly},       Field{"daily", &RetentionBody::daily},
    Field{"weekly", &RetentionBody::weekly},       Field{"monthly", &RetentionBody::monthly},
    Field{"yearly", &RetentionBody::yearly},
};

Json rules_json(const RetentionBody& rules) {
  Json out = Json::object();
  for (const Field& field : kFields) out[field.name] = rules.*field.value;
  return out;
}

Json retention_json(Vault& vault) {
  const storage::SpaceLog log = vault.log();
  Json history = Json::array();
  for (const auto& [position, rules] : log.retentions()) {
    Json one = rules_json(rules);
    one["since"] = time_text(log.records()[position].clock);
    history.push_back(std::move(one));
  }
  const auto now = rules_in_force(log);
  return {{"rules", now ? rules_json(now->rules) : Json(nullptr)},
          {"since", now ? Json(time_text(now->signed_at)) : Json(nullptr)},
          {"history", history},
          {"by", vault.peer() ? "receipts" : "snapshots"}};
}

asio::awaitable<Result<void>> show(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  Json body = co_await station.work.run([&station] { return retention_json(*station.vault); });
  co_return co_await reply_json(exchange, std::move(body));
}

/// What is not named stays as it is; nullopt when nothing is named.
Result<std::optional<RetentionBody>> proposed_in(BodyFields& fields, const std::optional<RulesInForce>& now) {
  RetentionBody rules = now ? now->rules : RetentionBody{};
  bool named = false;
  for (const Field& field : kFields) {
    const auto value = fields.number(field.name);
    if (!value) continue;
    if (*value > storage::kMaxRetentionWindow)
      return fail(ErrorCode::usage, N_("The request's field \"{}\" can't be used."), std::string(field.name));
    rules.*field.value = static_cast<std::uint32_t>(*value);
    named = true;
  }
  if (rules.lock_days < 1 || rules.lock_days > storage::kMaxLockDays)
    return fail(ErrorCode::usage, N_("A lock is 1 to {} days long, and each other length of time at most {}."),
                std::to_string(storage::kMaxLockDays), std::to_string(storage::kMaxRetentionWindow));
  return named ? std::optional(rules) : std::nullopt;
}

const char* fate_of(const JudgedSnapshot& judged) {
  if (judged.snapshot.aside) return "set_aside";
  if (!judged.verdict) return "not_sent";
  return judged.verdict->reasons.empty() ? "may_go" : "kept";
}

Json judged_json(const JudgedSnapshot& judged, bool for_peer) {
  const Snapshot& snapshot = judged.snapshot;
  Json reasons = Json::array();
  if (judged.verdict)
    for (const storage::KeepReason reason : judged.verdict->reasons.listed())
      reasons.push_back(storage::keep_reason_name(reason));
  return {{"id", snapshot.commit.id.hex()},
          {"time", time_text(snapshot.commit.clear.clock)},
          {"host", snapshot.sealed.host},
          {"receipt", for_peer ? receipt_json(snapshot) : Json(nullptr)},
          {"fate", fate_of(judged)},
          {"reasons", reasons},
          {"locked_until", judged.verdict ? Json(time_text(judged.verdict->locked_until)) : Json(nullptr)},
          {"deletion", judged.deletion ? Json(judged.deletion->hex()) : Json(nullptr)}};
}

Result<Json> explanation(StationContext& station, const std::string& request_body) {
  Vault& vault = *station.vault;
  BodyFields fields(request_body);
  const auto now = rules_in_force(vault.log());
  BEFFROI_TRY(const auto proposed, proposed_in(fields, now));
  AgeingQuestion question{.as_of = station.clock.now(), .proposed = proposed};
  if (const auto on = fields.number("on"))
    question.as_of.seconds = static_cast<std::int64_t>(std::min<std::uint64_t>(*on, INT64_MAX));
  BEFFROI_CHECK(fields.finish());
  BEFFROI_TRY(const auto all, judge_snapshots(vault, question));
  Json snapshots = Json::array();
  for (const JudgedSnapshot& judged : all) snapshots.push_back(judged_json(judged, vault.peer().has_value()));
  const auto rules = proposed ? proposed : now ? std::optional(now->rules) : std::nullopt;
  return Json{{"on", time_text(question.as_of)},
              {"rules", rules ? rules_json(*rules) : Json(nullptr)},
              {"weaker", proposed && now && is_weaker(*proposed, now->rules)},
              {"by", vault.peer() ? "receipts" : "snapshots"},
              {"snapshots", snapshots}};
}

asio::awaitable<Result<void>> explain(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(Json body,
                 co_await station.work.run([&station, &request] { return explanation(station, request.body); }));
  co_return co_await reply_json(exchange, std::move(body));
}

}  // namespace

void add_retention_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"GET", "/v1/retention", true, [&station](HttpRequest&, HttpExchange& x) { return show(station, x); }});
  routes.push_back({"POST", "/v1/retention/explain", true,
                    [&station](HttpRequest& r, HttpExchange& x) { return explain(station, r, x); }});
}

}  // namespace beffroi::daemon
