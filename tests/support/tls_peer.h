// A peer on a real socket of the loopback interface, with a thread of its own, and a thread for its stations.
#pragma once

#include "daemon/net/tls.h"
#include "tests/support/peer_world.h"
#include "tests/support/protocol_thread.h"

namespace beffroi::daemon::testing {

class TlsPeer {
 public:
  explicit TlsPeer(std::chrono::milliseconds handshake_timeout = kHandshakeTimeout,
                   const storage::DatabaseOptions& options = {})
      : pool(2), shares(pool), random_(31) {
    auto opened = PeerHost::open(data_folder(), clock, random_, options);
    BEFFROI_ASSERT(opened.has_value());
    host = std::move(*opened);
    protocol.call([&] {
      auto bound = TlsListener::bind(
          protocol.executor(), {"127.0.0.1", 0}, host->transport_seed(),
          [this](const auto& key) { return host->admits(key); }, handshake_timeout);
      BEFFROI_ASSERT(bound.has_value());
      listener = std::move(*bound);
      listener->start(
          [this](std::unique_ptr<Channel> channel) { return serve_station(std::move(channel), *host, shares); });
    });
  }
  ~TlsPeer() {
    protocol.call([&] { listener->stop(); });
    // Sessions end on the protocol thread; each turn lets one more go.
    while (listener->connections() > 0) protocol.call([] {});
    protocol.call([&] { listener.reset(); });
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(listener->port()); }
  /// Where the peer has its keys and its database.
  std::string data_folder() const { return folder_.path() + "/peer"; }
  void join(Vault& vault, ProtocolThread& station, const std::string& organisation = "Mairie") {
    auto invitation = host->invite(organisation, {}, {clock.now().seconds + 1000}, address());
    BEFFROI_ASSERT(invitation.has_value());
    const Connector dial = tls_connector();
    auto link = station.run(PeerLink::connect(dial, address(), invitation->transport_seed(), host->public_part()));
    BEFFROI_ASSERT(link.has_value());
    const std::vector<Bytes> records = vault.log().encoded();
    BEFFROI_ASSERT(station.run((*link)->enrol(records)).has_value());
    end(std::move(*link), station);
    BEFFROI_ASSERT(vault.bind_peer({host->public_part(), address()}).has_value());
  }
  static void end(std::unique_ptr<PeerLink> link, ProtocolThread& station) {
    station.run([](std::unique_ptr<PeerLink> ending) -> asio::awaitable<bool> {
      co_await ending->close();
      co_return true;
    }(std::move(link)));
  }

  ManualClock clock;
  ProtocolThread protocol;
  Pool pool;
  PeerShares shares;
  std::unique_ptr<PeerHost> host;
  std::unique_ptr<TlsListener> listener;

 private:
  TemporaryFolder folder_;
  crypto::SeededRandom random_;
};

}  // namespace beffroi::daemon::testing
