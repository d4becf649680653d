#include "daemon/peer/peer.h"

#include <spdlog/spdlog.h>

#include "daemon/api/peer_api.h"
#include "daemon/net/tls.h"
#include "daemon/service/heartbeat.h"
#include "daemon/service/main_loop.h"
#include "daemon/service/notify.h"
#include "daemon/sync/peer_server.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::seconds kRound{60};

/// Once a minute: leases age, facts are gathered, alarms looked for.
asio::awaitable<void> keep_house(PeerContext& peer) {
  auto last = peer.clock.monotonic();
  while (co_await peer.background.pause(kRound)) {
    const auto now = peer.clock.monotonic();
    const auto passed_s = static_cast<std::uint64_t>((now - last).count() / 1000);
    last += std::chrono::seconds(passed_s);
    co_await peer.work.run([&peer, passed_s] {
      if (const auto added = peer.host->add_running_time(passed_s); !added) spdlog::warn("{}", added.error().message());
      if (const auto tidied = peer.host->forget_ended(); !tidied) spdlog::warn("{}", tidied.error().message());
      peer.host->finish_erasures();
      peer.look_around();
      return true;
    });
    peer.give_room_back();
  }
}

Ending ending_of(PeerContext& peer, Chores& chores, HttpServer& server, TlsListener& listener) {
  return {.stop =
              [&] {
                server.stop();
                listener.stop();
                peer.background.stop();
              },
          .cut = [&] { server.cut(); },
          .idle =
              [&] {
                return server.connections() == 0 && listener.connections() == 0 && peer.background.running() == 0 &&
                       chores.idle() && peer.threads_are_idle();
              }};
}

// Filters and indexes of some ten million objects stay in memory, so that each id a station asks for costs one read.
storage::DatabaseOptions database_options() {
  storage::DatabaseOptions out;
  out.cache_bytes = 64U * 1024 * 1024;
  return out;
}

}  // namespace

Result<void> run_peer(const PeerSettings& settings) {
  asio::io_context io(1);
  asio::signal_set signals = catch_signals(io);
  BEFFROI_TRY(const Address address, Address::parse(settings.listen, kDefaultPeerPort));
  BEFFROI_TRY(const auto peer, PeerContext::open(settings, io.get_executor(), system_clock(), crypto::system_random(),
                                                 database_options()));
  Chores chores(*peer);
  const Router router = peer_router(*peer, chores);
  const HttpServer::Options options{
      .socket_path = settings.socket, .admin_group = settings.admin_group, .open_to_everybody = false};
  BEFFROI_TRY(const auto listener,
              TlsListener::bind(io.get_executor(), address, peer->host->transport_seed(),
                                [&peer](const crypto::TransportPublicKey& key) { return peer->host->admits(key); }));
  BEFFROI_TRY(const auto server,
              HttpServer::listen(io.get_executor(), options, [&router](HttpRequest& request, HttpExchange& exchange) {
                return router.handle(request, exchange);
              }));
  peer->connections = [&listener] { return listener->connections(); };
  listener->start([&peer](std::unique_ptr<Channel> channel) {
    return serve_station(std::move(channel), *peer->host, peer->shares);
  });
  server->start();
  Background& background = peer->background;
  background.spawn(keep_watchdog_fed(background, peer->host->database(), peer->clock, peer->heartbeat));
  background.spawn(keep_house(*peer));
  background.spawn(chores.keep());
  spdlog::info("peer {} ready, listening at {}, data in {}", BEFFROI_VERSION, settings.listen, settings.data);
  notify_ready("ready");
  run_until_signal(io, signals, ending_of(*peer, chores, *server, *listener));
  peer->note_stop();
  return {};
}

}  // namespace beffroi::daemon
