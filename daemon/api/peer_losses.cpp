// What a restored peer says of itself, over the local API.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/organisation_api.h"
#include "daemon/api/peer_api.h"

namespace beffroi::daemon {
namespace {

constexpr std::uint64_t kLatestSince = storage::kMaxAuditTimeSeconds;

Result<LossWords> read_loss(const std::string& body) {
  BodyFields fields(body);
  LossWords out;
  const auto since = fields.number("since");
  out.reason = fields.text("reason");
  out.organisation = text_or_none(fields, "name");
  BEFFROI_CHECK(fields.finish());
  if (!since || *since > kLatestSince)
    return fail(ErrorCode::usage, N_("Say since when what this peer received may be lost."));
  out.since.seconds = static_cast<std::int64_t>(*since);
  return out;
}

Json loss_json(const DeclaredLoss& declared) {
  const storage::Loss& loss = declared.loss;
  return {{"space", loss.space.hex()},      {"name", declared.organisation},
          {"counter", loss.counter},        {"declared", time_text(loss.declared)},
          {"since", time_text(loss.since)}, {"receipt_counter", loss.receipts.head.counter}};
}

}  // namespace

asio::awaitable<Result<void>> answer_declare_loss(PeerContext& peer, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const LossWords words, read_loss(request.body));
  BEFFROI_CO_TRY(const Json answer, co_await peer.work.run([&]() -> Result<Json> {
    BEFFROI_TRY(const auto declared, peer.host->declare_loss(words, operator_name(request.caller)));
    Json losses = Json::array();
    for (const DeclaredLoss& one : declared) losses.push_back(loss_json(one));
    return Json{{"since", time_text(words.since)}, {"reason", words.reason}, {"losses", losses}};
  }));
  co_return co_await reply_json(exchange, answer);
}

}  // namespace beffroi::daemon
