#include "daemon/api/router.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"

namespace beffroi::daemon {

asio::awaitable<void> Router::handle(HttpRequest& request, HttpExchange& exchange) const {
  Result<void> outcome;
  try {
    outcome = co_await dispatch(request, exchange);
  } catch (const std::exception& exception) {
    spdlog::error("{} {}: {}", request.method, request.path, exception.what());
    outcome = fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
  }
  if (outcome) co_return;
  spdlog::debug("{} {}: {}", request.method, request.path, outcome.error().message());
  const Json body = {{"error", error_json(outcome.error())}};
  co_await exchange.reply(http_status(outcome.error().code), "application/json", json_line(body));
}

asio::awaitable<Result<void>> Router::dispatch(HttpRequest& request, HttpExchange& exchange) const {
  for (const Route& route : routes_) {
    if (request.method != route.method || request.path != route.path) continue;
    if (route.admin_only && !request.caller.is_admin) {
      co_return fail(ErrorCode::refused,
                     N_("Only root and the members of the administrators' group may do this. Ask one of them."));
    }
    co_return co_await route.answer(request, exchange);
  }
  co_return fail(ErrorCode::not_found, N_("This service does not know the request {} {}. Is it of another version?"),
                 request.method, request.path);
}

asio::awaitable<Result<void>> reply_json(HttpExchange& exchange, nlohmann::json body) {
  co_await exchange.reply(200, "application/json", json_line(body));
  co_return Result<void>{};
}

asio::awaitable<Result<void>> reply_cbor(HttpExchange& exchange, Bytes body) {
  co_await exchange.reply(200, "application/cbor", to_string(body));
  co_return Result<void>{};
}

std::string query_text(const HttpRequest& request, const char* name, std::string otherwise) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::move(otherwise) : found->second;
}

bool query_flag(const HttpRequest& request, const char* name) {
  const std::string text = query_text(request, name);
  return text == "1" || text == "true";
}

Result<std::string> query_path(const HttpRequest& request) {
  const std::string encoded = query_text(request, "path_b64");
  if (encoded.empty()) return query_text(request, "path");
  const auto exact = from_base64(encoded);
  if (!exact) return fail(ErrorCode::usage, N_("The request's field \"{}\" can't be used."), "path_b64");
  return to_string(*exact);
}

}  // namespace beffroi::daemon
