// A peer on a real socket of the loopback interface, with a thread of its own, and a thread for its stations.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/use_future.hpp>
#include <thread>

#include "daemon/net/tls.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {

/// An io_context with its thread.
class ProtocolThread {
 public:
  ProtocolThread() : work_(asio::make_work_guard(context)), thread_([this] { context.run(); }) {}
  ~ProtocolThread() {
    work_.reset();
    context.stop();
    thread_.join();
  }
  ProtocolThread(const ProtocolThread&) = delete;
  ProtocolThread& operator=(const ProtocolThread&) = delete;

  template <class T>
  T run(asio::awaitable<T> work) {
    return asio::co_spawn(context, std::move(work), asio::use_future).get();
  }
  /// Runs a plain function there.
  template <class Work>
  auto call(Work work) {
    return run([](Work job) -> asio::awaitable<decltype(work())> { co_return job(); }(std::move(work)));
  }

  asio::io_context context;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

class TlsPeer {
 public:
  explicit TlsPeer(std::chrono::milliseconds handshake_timeout = kHandshakeTimeout) : pool(2), random_(31) {
    auto opened = PeerHost::open(folder_.path() + "/peer", clock, random_);
    BEFFROI_ASSERT(opened.has_value());
    host = std::move(*opened);
    protocol.call([&] {
      auto bound = TlsListener::bind(
          protocol.context.get_executor(), {"127.0.0.1", 0}, host->transport_seed(),
          [this](const auto& key) { return host->admits(key); }, handshake_timeout);
      BEFFROI_ASSERT(bound.has_value());
      listener = std::move(*bound);
      listener->start(
          [this](std::unique_ptr<Channel> channel) { return serve_station(std::move(channel), *host, pool); });
      return true;
    });
  }
  ~TlsPeer() {
    protocol.call([&] {
      listener->stop();
      return true;
    });
    // Sessions end on the protocol thread; each turn lets one more go.
    while (listener->connections() > 0) protocol.call([] { return true; });
    protocol.call([&] {
      listener.reset();
      return true;
    });
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(listener->port()); }
  void join(Vault& vault, ProtocolThread& station) {
    auto invitation = host->invite("Mairie", {}, {clock.now().seconds + 1000}, address());
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
  std::unique_ptr<PeerHost> host;
  std::unique_ptr<TlsListener> listener;

 private:
  TemporaryFolder folder_;
  crypto::SeededRandom random_;
};

}  // namespace beffroi::daemon::testing
