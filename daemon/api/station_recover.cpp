// POST /v1/recover/begin and /v1/recover/finish
#include <nlohmann/json.hpp>

#include "daemon/api/cbor_lists.h"
#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/station_api.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kSeedBytes = 32;

Result<RecoveryBeginning> decode_beginning(ByteView body) {
  storage::CborReader in(body);
  RecoveryBeginning out;
  in.array_of(5);
  out.address = in.text(storage::kMaxAddressBytes);
  if (!in.try_null()) out.expected.transport = in.fixed<crypto::TransportPublicKey>();
  if (!in.try_null()) out.expected.sign = in.fixed<crypto::SigningPublicKey>();
  out.root_transport_seed = crypto::SecretBytes::copy_of(in.bytes(kSeedBytes));
  if (!in.try_null()) out.space = in.fixed<storage::SpaceId>();
  in.leave();
  if (!in.finish() || out.root_transport_seed.size() != kSeedBytes)
    return fail(ErrorCode::usage, N_("The request to recover can't be read."));
  return out;
}

Bytes encode_material(const RecoveryMaterial& material) {
  storage::CborWriter out;
  out.array(6);
  write_byte_strings(out, material.records);
  out.array(material.heads.size());
  for (const auto& [head, commit] : material.heads) out.array(3).bytes(head.device).uint(head.sequence).bytes(commit);
  out.bytes(material.device_request.view()).bytes(material.peer.transport).bytes(material.peer.sign);
  if (material.newest_receipt)
    out.bytes(*material.newest_receipt);
  else
    out.null();
  return out.take();
}

asio::awaitable<Result<void>> answer_begin(StationContext& station, Recovery& recovery, HttpRequest& request,
                                           HttpExchange& exchange) {
  auto beginning = decode_beginning(as_bytes(request.body));
  crypto::wipe(request.body);
  if (!beginning) co_return forward_error(beginning);
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::recover));
  BEFFROI_CO_TRY(const RecoveryMaterial material, co_await recovery.begin(std::move(*beginning)));
  co_return co_await reply_cbor(exchange, encode_material(material));
}

asio::awaitable<Result<Json>> run_finish(StationContext& station, Recovery& recovery, std::shared_ptr<Job> job,
                                         std::vector<Bytes> records, std::string kit) {
  const auto finished = co_await recovery.finish(std::move(records), job->progress());
  // Also when not all snapshots could be fetched: the words are on this machine all the same.
  if (!kit.empty() && station.vault->founded())
    co_await station.work.run([&station, &kit] {
      station.state.add_kit_file(kit);
      return true;
    });
  co_await station.refresh_facts();
  if (!finished) co_return forward_error(finished);
  BEFFROI_CO_TRY(const auto snapshots, co_await station.work.run([&station] { return station.vault->snapshots(); }));
  const auto latest = station.vault->resolve("latest");
  const auto receipt = station.vault->newest_receipt();
  co_return Json{{"space", station.vault->space().hex()},
                 {"name", station.vault->name()},
                 {"snapshots", snapshots.size()},
                 {"latest", latest ? snapshot_json(*latest) : Json(nullptr)},
                 {"receipt_counter", receipt ? Json(receipt->counter) : Json(nullptr)}};
}

asio::awaitable<Result<void>> answer_finish(StationContext& station, Recovery& recovery, HttpRequest& request,
                                            HttpExchange& exchange) {
  BEFFROI_CO_TRY(const auto records, decode_byte_strings(as_bytes(request.body), storage::kMaxRecordBytes));
  const std::string kit = query_text(request, "kit");
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::recover));
  co_return co_await stream_events(
      exchange, station.executor, job->progress(), false,
      [&station, &recovery, job, records, kit] { return run_finish(station, recovery, job, records, kit); });
}

}  // namespace

void add_recover_routes(Routes& routes, StationContext& station, Recovery& recovery) {
  routes.push_back({"POST", "/v1/recover/begin", true, [&station, &recovery](HttpRequest& r, HttpExchange& x) {
                      return answer_begin(station, recovery, r, x);
                    }});
  routes.push_back({"POST", "/v1/recover/finish", true, [&station, &recovery](HttpRequest& r, HttpExchange& x) {
                      return answer_finish(station, recovery, r, x);
                    }});
}

}  // namespace beffroi::daemon
