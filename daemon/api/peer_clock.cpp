// The peer's clock over the local API.
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/peer_api.h"

namespace beffroi::daemon {
namespace {

const char* state_name(const ClockStatus& status) {
  if (status.hold) return "held";
  return status.catching_up ? "catching_up" : "in_step";
}

Json hold_json(const ClockStatus& status) {
  if (!status.hold) return nullptr;
  const bool ahead = status.hold->reason == ClockHold::Reason::jumped_ahead;
  return {{"reason", ahead ? "jumped_ahead" : "went_back"},
          {"machine", time_text(status.hold->wall)},
          {"peer", time_text(status.hold->trusted)}};
}

}  // namespace

asio::awaitable<Result<void>> answer_clock(PeerContext& peer, HttpExchange& exchange) {
  const ClockStatus status = peer.trusted_clock->status();
  co_return co_await reply_json(exchange, {{"state", state_name(status)},
                                           {"peer", time_text(status.trusted)},
                                           {"machine", time_text(status.wall)},
                                           {"ahead_s", status.wall.seconds - status.trusted.seconds},
                                           {"expiry_allowed", !status.hold},
                                           {"hold", hold_json(status)}});
}

asio::awaitable<Result<void>> answer_accept_clock(PeerContext& peer, HttpRequest& request, HttpExchange& exchange) {
  BodyFields fields(request.body);
  const bool accepted = fields.flag("accept");
  BEFFROI_CO_CHECK(fields.finish());
  if (!accepted) {
    co_return fail(ErrorCode::usage, N_("The request does not say that the machine's clock is accepted."));
  }
  BEFFROI_CO_CHECK(co_await peer.work.run([&] { return peer.accept_clock(operator_name(request.caller)); }));
  co_return co_await answer_clock(peer, exchange);
}

}  // namespace beffroi::daemon
