// POST /v1/gc and /v1/scrub; GET /v1/deletions, POST /v1/deletions/cancel
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/peer_api.h"

namespace beffroi::daemon {
namespace {

Json report_json(const CollectionReport& report) {
  return {{"snapshots", report.snapshots},
          {"objects", report.objects},
          {"bytes", report.bytes},
          {"store_bytes", report.store_bytes},
          {"spaces_failed", report.spaces_failed},
          {"spaces_unfinished", report.spaces_unfinished},
          {"expiry_held", report.expiry_held}};
}

/// What a collection would let go now, for each space.
Result<Json> forecast(PeerContext& peer) {
  Json spaces = Json::array();
  std::uint64_t total = 0;
  for (const auto& space : peer.host->spaces()) {
    BEFFROI_TRY(const auto held, space->held_snapshots(peer.clock.now()));
    BEFFROI_TRY(const auto going, space->what_may_go(peer.clock.now()));
    spaces.push_back({{"space", space->space().hex()}, {"held", held.size()}, {"would_go", going.size()}});
    total += going.size();
  }
  return Json{{"dry_run", true}, {"snapshots", total}, {"spaces", spaces}, {"expiry_held", !peer.expiry_allowed()}};
}

asio::awaitable<Result<Json>> run_collection(Chores& chores, std::shared_ptr<Progress> progress) {
  BEFFROI_CO_TRY(const CollectionReport report, co_await chores.collect(std::move(progress)));
  co_return report_json(report);
}

asio::awaitable<Result<void>> answer_gc(PeerContext& peer, Chores& chores, HttpRequest& request,
                                        HttpExchange& exchange) {
  BodyFields fields(request.body);
  const bool dry_run = fields.flag("dry_run");
  BEFFROI_CO_CHECK(fields.finish());
  if (dry_run) {
    BEFFROI_CO_TRY(Json would, co_await peer.work.run([&peer] { return forecast(peer); }));
    co_return co_await reply_json(exchange, std::move(would));
  }
  const auto progress = std::make_shared<Progress>();
  co_return co_await stream_events(exchange, peer.executor, progress, true,
                                   [&chores, progress] { return run_collection(chores, progress); });
}

asio::awaitable<Result<Json>> run_scrub(Chores& chores, std::shared_ptr<Progress> progress) {
  BEFFROI_CO_TRY(const ScrubPass pass, co_await chores.scrub(std::move(progress)));
  co_return Json{{"objects", pass.objects}, {"bytes", pass.bytes}, {"damaged", pass.damaged}};
}

asio::awaitable<Result<void>> answer_scrub(PeerContext& peer, Chores& chores, HttpExchange& exchange) {
  const auto progress = std::make_shared<Progress>();
  co_return co_await stream_events(exchange, peer.executor, progress, true,
                                   [&chores, progress] { return run_scrub(chores, progress); });
}

Result<Json> deletions_json(PeerContext& peer) {
  Json out = Json::array();
  for (const auto& space : peer.host->spaces()) {
    BEFFROI_TRY(const auto deletions, space->deletions());
    for (const WaitingDeletion& deletion : deletions) {
      Json commits = Json::array();
      for (const auto& commit : deletion.commits) commits.push_back(commit.hex());
      out.push_back({{"id", deletion.record.hex()},
                     {"space", space->space().hex()},
                     {"snapshots", commits},
                     {"received", time_text(deletion.received)},
                     {"due", time_text(deletion.due)},
                     {"cancelled", deletion.cancelled}});
    }
  }
  return Json{{"deletions", out}};
}

asio::awaitable<Result<void>> answer_deletions(PeerContext& peer, HttpExchange& exchange) {
  BEFFROI_CO_TRY(Json list, co_await peer.work.run([&peer] { return deletions_json(peer); }));
  co_return co_await reply_json(exchange, std::move(list));
}

/// The space that has a deletion whose id begins so, and its record.
Result<std::pair<std::shared_ptr<HostedSpace>, storage::RecordId>> find_deletion(PeerContext& peer,
                                                                                 const std::string& prefix) {
  constexpr std::size_t kMinDigits = 4;
  std::optional<std::pair<std::shared_ptr<HostedSpace>, storage::RecordId>> out;
  for (const auto& space : peer.host->spaces()) {
    BEFFROI_TRY(const auto deletions, space->deletions());
    for (const WaitingDeletion& deletion : deletions) {
      if (prefix.size() < kMinDigits || !deletion.record.hex().starts_with(prefix)) continue;
      if (out) return fail(ErrorCode::usage, N_("Several deletions begin with {}. Give more digits."), prefix);
      out.emplace(space, deletion.record);
    }
  }
  if (!out) return fail(ErrorCode::not_found, N_("There is no deletion {} here."), prefix);
  return std::move(*out);
}

asio::awaitable<Result<void>> answer_cancel(PeerContext& peer, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const std::string id = fields.text("id");
  BEFFROI_CO_CHECK(fields.finish());
  const auto cancelled = co_await peer.work.run([&]() -> Result<storage::RecordId> {
    BEFFROI_TRY(const auto found, find_deletion(peer, id));
    BEFFROI_CHECK(found.first->cancel_deletion(found.second, operator_name(request.caller)));
    return found.second;
  });
  if (!cancelled) co_return forward_error(cancelled);
  co_return co_await reply_json(exchange, {{"id", cancelled->hex()}, {"cancelled", true}});
}

}  // namespace

void add_chore_routes(std::vector<Route>& routes, PeerContext& peer, Chores& chores) {
  routes.push_back({"POST", "/v1/gc", true,
                    [&peer, &chores](HttpRequest& r, HttpExchange& x) { return answer_gc(peer, chores, r, x); }});
  routes.push_back({"POST", "/v1/scrub", true,
                    [&peer, &chores](HttpRequest&, HttpExchange& x) { return answer_scrub(peer, chores, x); }});
  routes.push_back(
      {"GET", "/v1/deletions", true, [&peer](HttpRequest&, HttpExchange& x) { return answer_deletions(peer, x); }});
  routes.push_back({"POST", "/v1/deletions/cancel", true,
                    [&peer](HttpRequest& r, HttpExchange& x) { return answer_cancel(peer, r, x); }});
}

}  // namespace beffroi::daemon
