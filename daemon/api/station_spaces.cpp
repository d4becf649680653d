// /v1/spaces: shared spaces of this station, how it comes to them and leaves, and their folders.
#include <nlohmann/json.hpp>

#include "daemon/api/cbor_lists.h"
#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/space_json.h"
#include "daemon/api/station_api.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<void>> answer_list(StationContext& station, HttpExchange& exchange) {
  Json out = co_await station.work.run([&station] {
    Json list = Json::array();
    for (const SharePointer& share : station.shares.all()) list.push_back(share_json(station, *share));
    return list;
  });
  co_return co_await reply_json(exchange, {{"spaces", std::move(out)}});
}

/// The founder's keys in a share follow from those in the vault: the kit's holder needs both to seal them.
asio::awaitable<Result<void>> answer_device(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  const auto& keys = station.vault->device_keys();
  const crypto::SecretBytes request = storage::DeviceRequest{keys.public_part(), keys.preshared.clone()}.encode();
  co_return co_await reply_cbor(exchange, to_bytes(request.view()));
}

asio::awaitable<Result<void>> answer_create(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(auto records, decode_byte_strings(as_bytes(request.body), storage::kMaxRecordBytes));
  BEFFROI_CO_TRY(const std::string folder, query_path(request));
  const std::string kit = query_text(request, "kit");
  if (!kit.empty())
    co_await station.work.run([&station, &kit] {
      station.state.add_kit_file(kit);
      return true;
    });
  BEFFROI_CO_TRY(const CreatedShare created, co_await create_share(station, std::move(records), folder));
  Json out = co_await station.work.run([&] { return share_json(station, *created.share); });
  out["at_peer"] = created.at_peer;
  co_return co_await reply_json(exchange, std::move(out));
}

asio::awaitable<Result<void>> answer_join(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  JoinWish wish{.code = fields.text("code"),
                .folder = fields.bytes("folder"),
                .identity_name = fields.text("name"),
                .device_name = fields.text("device_name"),
                .list_only = fields.flag("list_only")};
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const AskedToJoin asked, co_await ask_to_join(station, std::move(wish)));
  co_return co_await reply_json(exchange, {{"space", asked.share->space.hex()},
                                           {"folder", asked.share->folder},
                                           {"name", asked.identity_name},
                                           {"device_name", asked.device_name},
                                           {"words", asked.words}});
}

asio::awaitable<Result<SharePointer>> share_in_body(StationContext& station, HttpRequest& request) {
  BodyFields fields(request.body);
  const std::string name = fields.text("space");
  BEFFROI_CO_CHECK(fields.finish());
  co_return station.shares.find(name);
}

/// Looks until there is an answer, or nobody waits for one any more.
asio::awaitable<Result<Json>> wait_for_answer(StationContext& station, SharePointer share,
                                              std::shared_ptr<Progress> progress) {
  Result<JoinState> state = JoinState::waiting;
  do {
    state = co_await look_after_join(station, share, true);
    // Out of reach for a moment: it is asked again.
    const bool waits = state ? *state == JoinState::waiting : is_passing(state.error().code);
    if (!waits || progress->cancel) break;
  } while (co_await station.background.pause(kJoiningPatience));
  if (!state) co_return forward_error(state);
  Json out = co_await station.work.run([&] { return share_json(station, *share); });
  out["state"] = join_state_name(*state);
  co_return out;
}

asio::awaitable<Result<void>> answer_wait(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, co_await share_in_body(station, request));
  const auto progress = std::make_shared<Progress>();
  co_return co_await stream_events(exchange, station.executor, progress, true,
                                   [&station, share, progress] { return wait_for_answer(station, share, progress); });
}

asio::awaitable<Result<void>> answer_leave(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const std::string name = fields.text("space");
  const bool only_here = fields.flag("only_here");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(SharePointer share, station.shares.find(name));
  Json out = {{"space", share->space.hex()}, {"folder", share->folder}};
  BEFFROI_CO_CHECK(co_await leave_share(station, share, only_here));
  co_await let_go(station, share);
  co_return co_await reply_json(exchange, std::move(out));
}

using Cycle = asio::awaitable<Result<ShareCycle>> (ShareControl::*)(storage::SpaceId);

asio::awaitable<Result<void>> answer_cycle(StationContext& station, HttpRequest& request, HttpExchange& exchange,
                                           Cycle cycle) {
  BEFFROI_CO_TRY(const SharePointer share, co_await share_in_body(station, request));
  BEFFROI_CO_TRY(ShareControl* const control, control_of(station, *share));
  const auto work = [share, control, cycle]() -> asio::awaitable<Result<Json>> {
    BEFFROI_CO_TRY(const ShareCycle done, co_await (control->*cycle)(share->space));
    co_return cycle_json(done);
  };
  co_return co_await stream_events(exchange, station.executor, std::make_shared<Progress>(), false, work);
}

asio::awaitable<Result<void>> answer_undo(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, co_await share_in_body(station, request));
  BEFFROI_CO_TRY(ShareControl* const control, control_of(station, *share));
  const auto work = [share, control]() -> asio::awaitable<Result<Json>> {
    BEFFROI_CO_TRY(const std::uint64_t files, co_await control->undo(share->space));
    co_return Json{{"files_restored", files}};
  };
  co_return co_await stream_events(exchange, station.executor, std::make_shared<Progress>(), false, work);
}

asio::awaitable<Result<void>> answer_status(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const SharePointer share, station.shares.find(query_text(request, "space")));
  Json out = co_await station.work.run([&] { return share_json(station, *share); });
  if (share->joined() && station.shares.control() != nullptr) {
    const auto status = station.shares.control()->status(share->space);
    out.update(status ? share_status_json(*status) : Json{{"last_error", error_json(status.error())}});
  }
  co_return co_await reply_json(exchange, std::move(out));
}

}  // namespace

void add_space_routes(Routes& routes, StationContext& station) {
  const AdminRoutes add(routes, station);
  add("GET", "/v1/spaces", [](auto& s, auto&, auto& x) { return answer_list(s, x); });
  add("GET", "/v1/spaces/device", [](auto& s, auto&, auto& x) { return answer_device(s, x); });
  add("POST", "/v1/spaces", answer_create);
  add("POST", "/v1/spaces/join", answer_join);
  add("POST", "/v1/spaces/wait", answer_wait);
  add("POST", "/v1/spaces/leave", answer_leave);
  add("POST", "/v1/spaces/sync",
      [](auto& s, auto& r, auto& x) { return answer_cycle(s, r, x, &ShareControl::sync_now); });
  add("POST", "/v1/spaces/resume",
      [](auto& s, auto& r, auto& x) { return answer_cycle(s, r, x, &ShareControl::resume); });
  add("POST", "/v1/spaces/undo", answer_undo);
  add("GET", "/v1/spaces/status", answer_status);
}

}  // namespace beffroi::daemon
