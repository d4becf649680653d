// From a request's method and path to the function that answers it, and the ways to answer.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "daemon/api/http.h"

namespace beffroi::daemon {

/// One thing that the API can do. An error that `answer` returns is sent as one: it must not have begun to answer then.
struct Route {
  const char* method;
  const char* path;
  bool admin_only = false;
  std::function<asio::awaitable<Result<void>>(HttpRequest&, HttpExchange&)> answer;
};

/// Routes are looked up by method and path; who is not an administrator is refused where the route says so. Exceptions
/// (no memory, most of all) end here, as an error of the one request.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}
  asio::awaitable<void> handle(HttpRequest& request, HttpExchange& exchange) const;

 private:
  asio::awaitable<Result<void>> dispatch(HttpRequest& request, HttpExchange& exchange) const;
  std::vector<Route> routes_;
};

asio::awaitable<Result<void>> reply_json(HttpExchange& exchange, nlohmann::json body);
asio::awaitable<Result<void>> reply_cbor(HttpExchange& exchange, Bytes body);

/// A value of the query, or `otherwise`.
std::string query_text(const HttpRequest& request, const char* name, std::string otherwise = {});
/// "1" or "true": yes.
bool query_flag(const HttpRequest& request, const char* name);
/// Exact bytes of `path` in the query: `path_b64` wins.
Result<std::string> query_path(const HttpRequest& request);

}  // namespace beffroi::daemon
