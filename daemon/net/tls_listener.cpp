#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <list>
#include <map>

#include "daemon/net/tls.h"
#include "daemon/net/tls_channel.h"
#include "daemon/service/coroutine.h"

namespace beffroi::daemon {
namespace {

using asio::ip::tcp;
using Serve = std::function<asio::awaitable<void>(std::unique_ptr<Channel>)>;

constexpr std::chrono::milliseconds kPauseAfterFailure{250};  // out of file descriptors: wait until some are back

struct ListenerState {
  ListenerState(asio::any_io_executor on, std::shared_ptr<TlsContext> with, std::chrono::milliseconds handshake)
      : executor(std::move(on)), context(std::move(with)), handshake_timeout(handshake), acceptor(executor) {}

  asio::any_io_executor executor;
  std::shared_ptr<TlsContext> context;
  std::chrono::milliseconds handshake_timeout;
  tcp::acceptor acceptor;
  Serve serve;
  bool stopped = false;
  std::list<std::weak_ptr<TlsStream>> open;
  std::size_t handshakes = 0;
  std::map<std::string, std::size_t> handshakes_of;  ///< by network_of()
  std::map<crypto::TransportPublicKey, std::size_t> by_key;
  std::atomic<std::size_t> connections = 0;
};

// Who shares an address: one machine or one network. A line has a whole /64 of IPv6 to itself.
std::string network_of(const tcp::socket& socket) {
  asio::error_code error;
  auto address = socket.remote_endpoint(error).address();
  if (error) return {};
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  if (!address.is_v6()) return address.to_string();
  constexpr std::size_t kPrefixBytes = 8;
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + kPrefixBytes, bytes.end(), 0);
  return asio::ip::address_v6(bytes).to_string();
}

// What a connection counts for, as long as it lasts.
class Seat {
 public:
  Seat(ListenerState& state, std::string network, const std::shared_ptr<TlsStream>& tls)
      : state_(state), network_(std::move(network)), place_(state.open.insert(state.open.end(), tls)) {
    ++state_.connections;
    ++state_.handshakes;
    ++state_.handshakes_of[network_];
  }
  ~Seat() {
    state_.open.erase(place_);
    --state_.connections;
    if (!key_) {
      end_handshake();
    } else if (--state_.by_key[*key_] == 0) {
      state_.by_key.erase(*key_);
    }
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // False when this key has enough connections.
  bool proves(const crypto::TransportPublicKey& key) {
    end_handshake();
    key_ = key;
    return ++state_.by_key[key] <= kMaxConnectionsPerKey;
  }

 private:
  void end_handshake() {
    --state_.handshakes;
    if (--state_.handshakes_of[network_] == 0) state_.handshakes_of.erase(network_);
  }

  ListenerState& state_;
  std::string network_;
  std::list<std::weak_ptr<TlsStream>>::iterator place_;
  std::optional<crypto::TransportPublicKey> key_;
};

std::string describe(const tcp::socket& socket) {
  asio::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "?";
  return Address{endpoint.address().to_string(), endpoint.port()}.text();
}

asio::awaitable<void> receive_guest(std::shared_ptr<ListenerState> state, std::string network, tcp::socket socket) {
  tune(socket);
  const std::string address = describe(socket);
  auto tls = std::make_shared<TlsStream>(std::move(socket), state->context, address);
  Seat seat(*state, std::move(network), tls);
  const auto key = co_await shake_hands(*tls, TlsSide::listener, state->handshake_timeout);
  if (!key || !seat.proves(*key) || state->stopped) co_return;
  auto channel = make_tls_channel(std::move(tls), TlsSide::listener, *key);
  co_await state->serve(std::move(channel));
}

asio::awaitable<void> accept_guests(std::shared_ptr<ListenerState> state) {
  while (!state->stopped) {
    tcp::socket socket(state->executor);
    asio::error_code error;
    co_await state->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (state->stopped) co_return;
    if (error) {
      asio::steady_timer pause(state->executor, kPauseAfterFailure);
      co_await time_comes(pause);
      continue;
    }
    if (state->connections >= kMaxConnections || state->handshakes >= kMaxHandshakes) continue;
    std::string network = network_of(socket);
    const auto under_way = state->handshakes_of.find(network);
    if (under_way != state->handshakes_of.end() && under_way->second >= kMaxHandshakesPerAddress) continue;
    start_coroutine(state->executor, receive_guest(state, std::move(network), std::move(socket)));
  }
}

Result<tcp::endpoint> endpoint_of(const asio::any_io_executor& executor, const Address& address) {
  asio::error_code error;
  const auto literal = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(literal, address.port);
  tcp::resolver resolver(executor);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorCode::io, N_("Cannot listen on {}: {}."), address.text(), error.message());
  return found.begin()->endpoint();
}

Result<void> listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, const Address& address) {
  asio::error_code error;
  const auto unspecified = endpoint.address().is_v6() && endpoint.address().is_unspecified();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && unspecified) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(ErrorCode::io, N_("Cannot listen on {}: {}."), address.text(), error.message());
  return {};
}

class Listener final : public TlsListener {
 public:
  Listener(std::shared_ptr<ListenerState> state, std::uint16_t port) : state_(std::move(state)), port_(port) {}
  ~Listener() override { stop(); }

  void start(Serve serve) override {
    state_->serve = std::move(serve);
    start_coroutine(state_->executor, accept_guests(state_));
  }
  void stop() override {
    state_->stopped = true;
    asio::error_code ignored;
    state_->acceptor.close(ignored);
    for (const auto& open : state_->open)
      if (const auto tls = open.lock()) tls->cut();
  }
  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return state_->connections; }

 private:
  std::shared_ptr<ListenerState> state_;
  std::uint16_t port_;
};

}  // namespace

Result<std::unique_ptr<TlsListener>> TlsListener::bind(asio::any_io_executor executor, const Address& address,
                                                       const crypto::SecretBytes& transport_seed,
                                                       std::function<bool(const crypto::TransportPublicKey&)> admit,
                                                       std::chrono::milliseconds handshake_timeout) {
  BEFFROI_TRY(auto context, TlsContext::make(TlsSide::listener, transport_seed, std::move(admit)));
  auto state = std::make_shared<ListenerState>(executor, std::move(context), handshake_timeout);
  BEFFROI_TRY(const tcp::endpoint endpoint, endpoint_of(executor, address));
  BEFFROI_CHECK(listen(state->acceptor, endpoint, address));
  asio::error_code ignored;
  const std::uint16_t port = state->acceptor.local_endpoint(ignored).port();
  return std::make_unique<Listener>(std::move(state), port);
}

}  // namespace beffroi::daemon
