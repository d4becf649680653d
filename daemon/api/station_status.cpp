// GET /v1/status
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/station_api.h"

namespace beffroi::daemon {
namespace {

/// Arguments may be names and addresses, which are not for everybody.
Json error_for(const Error& error, bool for_admin) {
  if (for_admin) return error_json(error);
  Error shown = error;
  for (std::string& arg : shown.args) arg = "…";
  return error_json(shown);
}

Json last_backup_json(const std::optional<LastBackup>& backup, bool for_admin) {
  if (!backup) return nullptr;
  Json out = {{"snapshot", backup->snapshot.empty() ? Json(nullptr) : Json(backup->snapshot)},
              {"time", time_text(backup->time)},
              {"result", backup->error     ? "failed"
                         : backup->partial ? "partial"
                                           : "ok"}};
  if (backup->error) out["error"] = error_for(*backup->error, for_admin);
  return out;
}

Json last_receipt_json(const std::optional<storage::Receipt>& receipt) {
  if (!receipt) return nullptr;
  return {{"counter", receipt->counter}, {"time", time_text(receipt->peer_time)}, {"commit", receipt->commit.hex()}};
}

// The reason is the operator's own words.
Json loss_json(const std::optional<LossFacts>& loss, bool for_admin) {
  if (!loss) return nullptr;
  Json out = {{"count", loss->count},
              {"declared", time_text(loss->declared)},
              {"since", time_text(loss->since)},
              {"settled", loss->settled},
              {"unsendable", loss->unsendable}};
  if (for_admin) out["reason"] = loss->reason;
  return out;
}

Json peer_json(const StationFacts& facts, bool for_admin) {
  if (!facts.peer_address) return nullptr;
  const PeerContact& contact = facts.contact;
  const char* state = !contact.reachable ? "unknown" : *contact.reachable ? "reachable" : "unreachable";
  Json out = {{"address", *facts.peer_address},
              {"state", state},
              {"last_contact", contact.last_contact ? Json(time_text(*contact.last_contact)) : Json(nullptr)},
              {"loss", loss_json(facts.peer_loss, for_admin)}};
  if (contact.error) out["error"] = error_for(*contact.error, for_admin);
  return out;
}

Json collection_json(const StationFacts& facts, bool for_admin) {
  const CollectionMemory& memory = facts.collections;
  Json out = {{"due", facts.collection_due},
              {"failures", memory.failures},
              {"last_attempt", memory.last_attempt ? Json(time_text(*memory.last_attempt)) : Json(nullptr)}};
  if (memory.error) out["error"] = error_for(*memory.error, for_admin);
  return out;
}

Json running_json(const StationContext& station) {
  const auto running = station.jobs.running();
  if (!running) return nullptr;
  Json out = progress_json(*running->progress);
  out["kind"] = job_name(running->kind);
  return out;
}

Json sources_json(const StationContext& station, const StationFacts& facts) {
  const auto conditions = station.source_conditions();
  Json out = Json::array();
  for (const std::string& path : facts.sources) {
    const auto known = conditions.find(path);
    const auto condition = known == conditions.end() ? SourceCondition::unknown : known->second;
    Json one = {{"state", source_condition_name(condition)}};
    set_path(one, path);
    out.push_back(std::move(one));
  }
  return out;
}

Json status_json(const StationContext& station, bool for_admin) {
  const StationFacts facts = station.facts();
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json out = {{"role", "station"},
              {"version", BEFFROI_VERSION},
              {"state", facts.founded ? "ready" : "empty"},
              {"space", text_or_null(facts.space)},
              {"name", text_or_null(facts.name)},
              {"device", text_or_null(facts.device)},
              {"last_backup", last_backup_json(facts.last_backup, for_admin)},
              {"last_receipt", last_receipt_json(facts.last_receipt)},
              {"pending_commits", facts.pending_commits},
              {"peer", peer_json(facts, for_admin)},
              {"running", running_json(station)},
              {"collection", collection_json(facts, for_admin)},
              {"next_backup", station.next_backup ? Json(time_text(*station.next_backup)) : Json(nullptr)},
              {"store", {{"bytes", facts.store_bytes}, {"free_bytes", facts.free_bytes}}}};
  if (!for_admin) return out;
  out["sources"] = sources_json(station, facts);
  out["alarms"] = alarms_json(station.alarms.current());
  out["kit_file"] = text_or_null(facts.kit_file);
  out["kit_files"] = facts.kit_files;
  return out;
}

asio::awaitable<Result<void>> answer_status(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  const bool for_admin = request.caller.is_admin;
  if (for_admin) co_await station.refresh_sources(kSourceLookWait);
  co_return co_await reply_json(exchange, status_json(station, for_admin));
}

}  // namespace

void add_status_routes(Routes& routes, StationContext& station) {
  routes.push_back({"GET", "/v1/status", false,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_status(station, r, x); }});
}

Router station_router(StationContext& station, Recovery& recovery) {
  Routes routes;
  add_status_routes(routes, station);
  add_founding_routes(routes, station);
  add_source_routes(routes, station);
  add_backup_routes(routes, station);
  add_look_routes(routes, station);
  add_restore_routes(routes, station);
  add_check_routes(routes, station);
  add_retention_routes(routes, station);
  add_log_routes(routes, station);
  add_upkeep_routes(routes, station);
  add_space_routes(routes, station);
  add_space_member_routes(routes, station);
  add_space_ignore_routes(routes, station);
  add_space_file_routes(routes, station);
  add_space_history_routes(routes, station);
  add_recover_routes(routes, station, recovery);
  return Router(std::move(routes));
}

}  // namespace beffroi::daemon
