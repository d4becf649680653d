#include "tests/support/tls_peer.h"

#include "daemon/sync/peer_server.h"

namespace beffroi::daemon::testing {

TlsPeer::TlsPeer(std::chrono::milliseconds handshake_timeout, const storage::DatabaseOptions& options)
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

TlsPeer::~TlsPeer() {
  protocol.call([&] { listener->stop(); });
  // Sessions end on the protocol thread; each turn lets one more go.
  while (listener->connections() > 0) protocol.call([] {});
  protocol.call([&] { listener.reset(); });
}

void TlsPeer::join(Vault& vault, ProtocolThread& station, const std::string& organisation) {
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

void TlsPeer::end(std::unique_ptr<PeerLink> link, ProtocolThread& station) {
  station.run([](std::unique_ptr<PeerLink> ending) -> asio::awaitable<bool> {
    co_await ending->close();
    co_return true;
  }(std::move(link)));
}

}  // namespace beffroi::daemon::testing
