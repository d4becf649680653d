// GET and POST /v1/log, /v1/deletions: records that the root signs on the command line, and deletions that wait.
#include <nlohmann/json.hpp>

#include "daemon/api/cbor_lists.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/log_change.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<void>> answer_log(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  Bytes body = co_await station.work.run([&station] {
    storage::CborWriter out;
    write_byte_strings(out, station.vault->log().encoded());
    return out.take();
  });
  co_return co_await reply_cbor(exchange, std::move(body));
}

/// Rules and deletions are all that a kit is asked for here: everything else has its own ceremony.
Result<storage::Record> root_record(const Vault& vault, const std::vector<Bytes>& records) {
  if (records.size() != 1) return fail(ErrorCode::usage, N_("One record at a time is added to the vault's log."));
  BEFFROI_TRY(storage::Record record, storage::decode_record(records.front()));
  const bool allowed = std::holds_alternative<storage::RetentionBody>(record.body) ||
                       std::holds_alternative<storage::DeletionBody>(record.body);
  if (!allowed || record.signer != vault.log().root().sign)
    return fail(ErrorCode::refused, N_("Only rules and deletions that the vault's kit has signed are taken here."));
  return record;
}

asio::awaitable<Result<void>> answer_record(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto records, decode_byte_strings(as_bytes(request.body), storage::kMaxRecordBytes));
  const std::string kit = query_text(request, "kit");
  if (!kit.empty())
    co_await station.work.run([&station, &kit] {
      station.state.add_kit_file(kit);
      return true;
    });
  BEFFROI_CO_TRY(const storage::Record record, root_record(*station.vault, records));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::sync));
  BEFFROI_CO_CHECK(co_await add_record(station, records.front()));
  co_await station.refresh_facts();
  co_return co_await reply_json(exchange,
                                {{"record", record.id.hex()}, {"at_peer", station.vault->peer().has_value()}});
}

const char* state_name(Deletion::State state) {
  switch (state) {
    case Deletion::State::waiting:
      return "waiting";
    case Deletion::State::cancelled:
      return "cancelled";
    case Deletion::State::done:
      break;
  }
  return "done";
}

Json deletion_json(const Deletion& deletion) {
  Json snapshots = Json::array();
  for (const storage::CommitId& commit : deletion.commits) snapshots.push_back(commit.hex());
  return {{"id", deletion.id.hex()},
          {"snapshots", snapshots},
          {"since", time_text(deletion.signed_at)},
          {"due", time_text(deletion.due)},
          {"state", state_name(deletion.state)}};
}

asio::awaitable<Result<void>> answer_deletions(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  Json out = Json::array();
  for (const Deletion& deletion : station.vault->deletions()) out.push_back(deletion_json(deletion));
  co_return co_await reply_json(exchange, {{"deletions", out}});
}

asio::awaitable<Result<void>> answer_cancel(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const std::string name = fields.text("id");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::sync));
  BEFFROI_CO_TRY(const storage::RecordId id, co_await take_deletion_back(station, name));
  co_return co_await reply_json(exchange, {{"id", id.hex()}});
}

}  // namespace

void add_log_routes(Routes& routes, StationContext& station) {
  routes.push_back(
      {"GET", "/v1/log", true, [&station](HttpRequest&, HttpExchange& x) { return answer_log(station, x); }});
  routes.push_back(
      {"POST", "/v1/log", true, [&station](HttpRequest& r, HttpExchange& x) { return answer_record(station, r, x); }});
  routes.push_back({"GET", "/v1/deletions", true,
                    [&station](HttpRequest&, HttpExchange& x) { return answer_deletions(station, x); }});
  routes.push_back({"POST", "/v1/deletions/cancel", true,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_cancel(station, r, x); }});
}

}  // namespace beffroi::daemon
