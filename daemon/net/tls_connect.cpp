#include <asio/connect.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/net/deadline.h"
#include "daemon/net/tls.h"
#include "daemon/net/tls_channel.h"

namespace beffroi::daemon {
namespace {

using asio::ip::tcp;

std::unexpected<Error> no_answer(const Address& address) {
  return fail(ErrorCode::unreachable, N_("The peer at {} does not answer. Try again later."), address.text());
}

asio::awaitable<Result<tcp::resolver::results_type>> resolve(const Address& address, tcp::resolver& resolver) {
  asio::error_code error;
  auto found = co_await resolver.async_resolve(address.host, std::to_string(address.port),
                                               asio::redirect_error(asio::use_awaitable, error));
  if (error)
    co_return fail(ErrorCode::unreachable,
                   N_("The name of the peer's computer, {}, cannot be found. Check the connection to the Internet."),
                   address.host);
  co_return found;
}

asio::awaitable<Result<tcp::socket>> open_line(const Address& address, std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  tcp::socket socket(executor);
  bool expired = false;
  Deadline deadline(executor, timeout, [&] {
    expired = true;
    resolver.cancel();
    asio::error_code ignored;
    socket.close(ignored);
  });
  BEFFROI_CO_TRY(const auto endpoints, co_await resolve(address, resolver));
  if (expired) co_return no_answer(address);
  asio::error_code error;
  co_await asio::async_connect(
      socket, endpoints, [&expired](const asio::error_code&, const tcp::endpoint&) { return !expired; },
      asio::redirect_error(asio::use_awaitable, error));
  if (error || expired) co_return no_answer(address);
  tune(socket);
  co_return std::move(socket);
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<Channel>>> tls_connect(const Address& address,
                                                              const crypto::SecretBytes& transport_seed,
                                                              crypto::TransportPublicKey expected,
                                                              std::chrono::milliseconds timeout) {
  bool other_key = false;
  const auto admit = [&other_key, expected](const crypto::TransportPublicKey& key) {
    other_key = !expected.is_zero() && key != expected;
    return !other_key;
  };
  BEFFROI_CO_TRY(auto context, TlsContext::make(TlsSide::client, transport_seed, admit));
  BEFFROI_CO_TRY(tcp::socket socket, co_await open_line(address, timeout));
  auto tls = std::make_shared<TlsStream>(std::move(socket), std::move(context), address.text());
  const auto key = co_await shake_hands(*tls, TlsSide::client, timeout);
  if (other_key)
    co_return fail(
        ErrorCode::refused,
        N_("The peer at {} has another key than the one on your sheet. Nothing was sent. Ask the EPCI whether "
           "its server was replaced, and do not go on before you know."),
        address.text());
  if (!key) co_return forward_error(key);
  co_return make_tls_channel(std::move(tls), TlsSide::client, *key);
}

}  // namespace beffroi::daemon
